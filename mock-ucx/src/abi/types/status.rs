//! Status codes (`status.h:ucs_status_t`) and the pointers that carry them.

use super::layout::Constant;
use std::ffi::CStr;
use std::fmt;

/// What a UCX call says about itself: 0 done, 1 in progress, negative an error (`status.h:ucs_status_t`, one byte).
#[repr(transparent)]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UcsStatus(pub i8);

/// One named status: its name without `UCS_` and `ERR_`, and the text of `ucs_status_string`.
struct Known {
    status: UcsStatus,
    name: &'static str,
    text: &'static CStr,
}

macro_rules! statuses {
    ($($name:ident = $code:literal, $c_name:ident, $text:literal;)*) => {
        impl UcsStatus {
            $(#[doc = concat!("`", stringify!($c_name), "`.")] pub const $name: UcsStatus = UcsStatus($code);)*

            /// Every status that a call can report.
            pub const ALL: &[UcsStatus] = &[$(UcsStatus::$name,)*];
        }

        const KNOWN: &[Known] = &[$(Known { status: UcsStatus::$name, name: stringify!($name), text: $text },)*];

        /// The codes (`status.h:ucs_status_t`), with the limits of their ranges.
        pub const UCS_STATUS: &[Constant] = &[
            $(Constant { name: stringify!($c_name), value: $code, since: 13 },)*
            Constant { name: "UCS_ERR_FIRST_LINK_FAILURE", value: UcsStatus::FIRST_LINK_FAILURE.0 as i64, since: 13 },
            Constant { name: "UCS_ERR_LAST_LINK_FAILURE", value: UcsStatus::LAST_LINK_FAILURE.0 as i64, since: 13 },
            Constant { name: "UCS_ERR_FIRST_ENDPOINT_FAILURE", value: UcsStatus::FIRST_ENDPOINT_FAILURE.0 as i64, since: 13 },
            Constant { name: "UCS_ERR_LAST_ENDPOINT_FAILURE", value: UcsStatus::LAST_ENDPOINT_FAILURE.0 as i64, since: 13 },
            Constant { name: "UCS_ERR_LAST", value: UcsStatus::LAST.0 as i64, since: 13 },
        ];
    };
}

statuses! {
    OK = 0, UCS_OK, c"Success";
    INPROGRESS = 1, UCS_INPROGRESS, c"Operation in progress";
    NO_MESSAGE = -1, UCS_ERR_NO_MESSAGE, c"No pending message";
    NO_RESOURCE = -2, UCS_ERR_NO_RESOURCE, c"No resources are available to initiate the operation";
    IO_ERROR = -3, UCS_ERR_IO_ERROR, c"Input/output error";
    NO_MEMORY = -4, UCS_ERR_NO_MEMORY, c"Out of memory";
    INVALID_PARAM = -5, UCS_ERR_INVALID_PARAM, c"Invalid parameter";
    UNREACHABLE = -6, UCS_ERR_UNREACHABLE, c"Destination is unreachable";
    INVALID_ADDR = -7, UCS_ERR_INVALID_ADDR, c"Address not valid";
    NOT_IMPLEMENTED = -8, UCS_ERR_NOT_IMPLEMENTED, c"Function not implemented";
    MESSAGE_TRUNCATED = -9, UCS_ERR_MESSAGE_TRUNCATED, c"Message truncated";
    NO_PROGRESS = -10, UCS_ERR_NO_PROGRESS, c"No progress";
    BUFFER_TOO_SMALL = -11, UCS_ERR_BUFFER_TOO_SMALL, c"Provided buffer is too small";
    NO_ELEM = -12, UCS_ERR_NO_ELEM, c"No such element";
    SOME_CONNECTS_FAILED = -13, UCS_ERR_SOME_CONNECTS_FAILED, c"Failed to connect some of the requested endpoints";
    NO_DEVICE = -14, UCS_ERR_NO_DEVICE, c"No such device";
    BUSY = -15, UCS_ERR_BUSY, c"Device is busy";
    CANCELED = -16, UCS_ERR_CANCELED, c"Request canceled";
    SHMEM_SEGMENT = -17, UCS_ERR_SHMEM_SEGMENT, c"Shared memory error";
    ALREADY_EXISTS = -18, UCS_ERR_ALREADY_EXISTS, c"Element already exists";
    OUT_OF_RANGE = -19, UCS_ERR_OUT_OF_RANGE, c"Index out of range";
    TIMED_OUT = -20, UCS_ERR_TIMED_OUT, c"Operation timed out";
    EXCEEDS_LIMIT = -21, UCS_ERR_EXCEEDS_LIMIT, c"User-defined limit was reached";
    UNSUPPORTED = -22, UCS_ERR_UNSUPPORTED, c"Unsupported operation";
    REJECTED = -23, UCS_ERR_REJECTED, c"Operation rejected by remote peer";
    NOT_CONNECTED = -24, UCS_ERR_NOT_CONNECTED, c"Endpoint is not connected";
    CONNECTION_RESET = -25, UCS_ERR_CONNECTION_RESET, c"Connection reset by remote peer";
    ENDPOINT_TIMEOUT = -80, UCS_ERR_ENDPOINT_TIMEOUT, c"Endpoint timeout";
}

/// The groups of constants of this area: UCX's name of the enum and its constants.
pub(super) const GROUPS: &[(&str, &[Constant])] = &[("ucs_status_t", UCS_STATUS)];

impl UcsStatus {
    /// The first code that tells of a failed link.
    pub const FIRST_LINK_FAILURE: UcsStatus = UcsStatus(-40);
    /// The last code that tells of a failed link.
    pub const LAST_LINK_FAILURE: UcsStatus = UcsStatus(-59);
    /// The first code that tells of a failed endpoint.
    pub const FIRST_ENDPOINT_FAILURE: UcsStatus = UcsStatus(-60);
    /// The last code that tells of a failed endpoint.
    pub const LAST_ENDPOINT_FAILURE: UcsStatus = UcsStatus(-89);
    /// The limit of the codes, and so of the pointers that are codes.
    pub const LAST: UcsStatus = UcsStatus(-100);

    fn known(self) -> Option<&'static Known> {
        KNOWN.iter().find(|known| known.status == self)
    }

    /// The name without `UCS_` and `ERR_`, as fault specs write it: `NO_MEMORY`.
    pub fn name(self) -> Option<&'static str> {
        Some(self.known()?.name)
    }

    /// The status of this name; `UCS_ERR_NO_MEMORY`, `ERR_NO_MEMORY` and `NO_MEMORY` are the same.
    pub fn from_name(name: &str) -> Option<UcsStatus> {
        let name = name.strip_prefix("UCS_").unwrap_or(name);
        let name = name.strip_prefix("ERR_").unwrap_or(name);
        Some(KNOWN.iter().find(|known| known.name == name)?.status)
    }

    /// What `ucs_status_string` says; `None` where UCX composes "Unknown error N" in a static buffer.
    pub fn text(self) -> Option<&'static CStr> {
        Some(self.known()?.text)
    }

    /// Whether the code is an error (`UCS_STATUS_IS_ERR`).
    pub const fn is_err(self) -> bool {
        self.0 < 0
    }

    /// The code as a pointer's value (`UCS_STATUS_PTR`).
    pub const fn to_ptr(self) -> usize {
        self.0 as isize as usize
    }
}

impl fmt::Debug for UcsStatus {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

impl fmt::Display for UcsStatus {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => out.pad(name),
            None => out.pad(&self.0.to_string()),
        }
    }
}

/// Whether a returned pointer is an error code (`UCS_PTR_IS_ERR`): the top 100 addresses.
pub const fn ptr_is_err(pointer: usize) -> bool {
    pointer >= UcsStatus::LAST.to_ptr()
}

/// Whether a returned pointer is a request (`UCS_PTR_IS_PTR`): neither null nor an error code.
pub const fn ptr_is_ptr(pointer: usize) -> bool {
    pointer.wrapping_sub(1) < UcsStatus::LAST.to_ptr() - 1
}

/// The status that a returned pointer stands for (`UCS_PTR_STATUS`): a request is in progress.
pub const fn ptr_status(pointer: usize) -> UcsStatus {
    if ptr_is_ptr(pointer) {
        UcsStatus::INPROGRESS
    } else {
        UcsStatus(pointer as i8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_found_by_each_spelling_of_its_name() {
        for status in UcsStatus::ALL {
            let name = status.name().unwrap();
            assert_eq!(UcsStatus::from_name(name), Some(*status));
            assert_eq!(
                UcsStatus::from_name(&format!("UCS_ERR_{name}")),
                Some(*status)
            );
        }
    }

    #[test]
    fn a_code_without_a_name_is_not_given_one() {
        assert_eq!(UcsStatus(-26).name(), None);
        assert_eq!(UcsStatus::from_name("NO_MEMORIES"), None);
        assert_eq!(UcsStatus(-26).to_string(), "-26");
    }

    #[test]
    fn a_pointer_is_null_or_an_error_or_a_request() {
        for status in UcsStatus::ALL.iter().filter(|status| status.is_err()) {
            assert!(ptr_is_err(status.to_ptr()) && !ptr_is_ptr(status.to_ptr()));
            assert_eq!(ptr_status(status.to_ptr()), *status);
        }
        assert!(!ptr_is_err(0) && !ptr_is_ptr(0));
        assert_eq!(ptr_status(0), UcsStatus::OK);
        let edge = UcsStatus::LAST.to_ptr();
        assert!(ptr_is_err(edge) && !ptr_is_ptr(edge));
        assert!(!ptr_is_err(edge - 1) && ptr_is_ptr(edge - 1));
        assert_eq!(ptr_status(0x1000), UcsStatus::INPROGRESS);
    }
}
