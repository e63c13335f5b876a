//! What a call of the C API answers.

use std::ffi::c_int;
use std::fmt;

use thiserror::Error;

/// `nixl_capi_status_t`.
///
/// Up to 1.4.1 nearly every error of NIXL arrives as [`Status::Backend`]; from 1.5.0 on a missing
/// agent, descriptor or backend is [`Status::NotFound`]. A remote that disconnected is `Backend`
/// in all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// 0
    Success,
    /// 1: posted, or asked for, and not finished yet.
    InProgress,
    /// -1
    InvalidParam,
    /// -2: the backend failed, or any other error that has no code of its own.
    Backend,
    /// -3: for instance a request that is destroyed before it was released.
    InvalidState,
    /// -4
    Exception,
    /// -5: telemetry was not switched on.
    NoTelemetry,
    /// -6, from 1.5.0 on.
    NotFound,
    /// A code that the header of the newest known release does not name.
    Other(i32),
}

/// What `nixl/python/` answers for what a release's Python module has no place for. No code of NIXL.
const ABSENT: c_int = -1000;

impl Status {
    /// The status of a raw code.
    pub fn from_code(code: c_int) -> Status {
        match code {
            0 => Status::Success,
            1 => Status::InProgress,
            -1 => Status::InvalidParam,
            -2 => Status::Backend,
            -3 => Status::InvalidState,
            -4 => Status::Exception,
            -5 => Status::NoTelemetry,
            -6 => Status::NotFound,
            other => Status::Other(other),
        }
    }

    /// The raw code of a status.
    pub fn code(self) -> c_int {
        match self {
            Status::Success => 0,
            Status::InProgress => 1,
            Status::InvalidParam => -1,
            Status::Backend => -2,
            Status::InvalidState => -3,
            Status::Exception => -4,
            Status::NoTelemetry => -5,
            Status::NotFound => -6,
            Status::Other(code) => code,
        }
    }

    /// Success or in progress.
    pub fn is_ok(self) -> bool {
        matches!(self, Status::Success | Status::InProgress)
    }

    /// Tells an answer apart: success and in progress are `Ok`, all else is an error of `function`.
    pub(super) fn check(function: &'static str, code: c_int) -> Result<Status, CallError> {
        if code == ABSENT {
            return Err(CallError::Absent { function });
        }
        let status = Status::from_code(code);
        if status.is_ok() {
            Ok(status)
        } else {
            Err(CallError::Refused { function, status })
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Status::Success => f.write_str("SUCCESS"),
            Status::InProgress => f.write_str("IN_PROG"),
            Status::InvalidParam => f.write_str("INVALID_PARAM"),
            Status::Backend => f.write_str("BACKEND"),
            Status::InvalidState => f.write_str("INVALID_STATE"),
            Status::Exception => f.write_str("EXCEPTION"),
            Status::NoTelemetry => f.write_str("NO_TELEMETRY"),
            Status::NotFound => f.write_str("NOT_FOUND"),
            Status::Other(code) => write!(f, "status {code}"),
        }
    }
}

/// Why a call of the C API gave no result.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CallError {
    /// NIXL answered with an error.
    #[error("{function} answered {status}")]
    Refused {
        /// The C function that was called.
        function: &'static str,
        /// Its answer.
        status: Status,
    },
    /// The loaded release does not have the function: nothing was called.
    #[error("{function} is not in this release of NIXL; NIXL 1.5.1 has all of them")]
    Absent {
        /// The C function that would have been called.
        function: &'static str,
    },
    /// The request was released before; NIXL would follow a null pointer: nothing was called.
    #[error("{function} was not called: the request was released before")]
    Released {
        /// The C function that would have been called.
        function: &'static str,
    },
    /// A name with a NUL inside cannot be passed to C: nothing was called.
    #[error("{text:?} contains a NUL character and cannot be passed to NIXL")]
    Nul {
        /// The text in question.
        text: String,
    },
}

impl CallError {
    /// NIXL's answer, if NIXL was called at all.
    pub fn status(&self) -> Option<Status> {
        match self {
            CallError::Refused { status, .. } => Some(*status),
            CallError::Absent { .. } | CallError::Released { .. } | CallError::Nul { .. } => None,
        }
    }
}

/// The answer of a call: a value, or why there is none.
pub type Answer<T> = Result<T, CallError>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_survives_the_round_trip() {
        for code in -20..20 {
            assert_eq!(Status::from_code(code).code(), code);
        }
    }

    #[test]
    fn only_success_and_in_progress_are_no_error() {
        let passing: Vec<c_int> = (-20..20)
            .filter(|code| Status::check("f", *code).is_ok())
            .collect();
        assert_eq!(passing, [0, 1]);
    }
}
