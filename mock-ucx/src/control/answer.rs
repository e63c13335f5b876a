//! How the C control API answers: a code, and the words that go with it, kept for the thread that asked.

use std::cell::RefCell;
use std::ffi::{CString, c_char, c_int};
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::control::api::{MOCK_UCX_ERROR_INTERNAL, MOCK_UCX_OK};

/// Why a call does not work.
#[derive(Debug)]
pub(crate) struct Refusal {
    code: c_int,
    message: String,
}

/// Does not work, for this reason.
pub(crate) fn refuse<T>(code: c_int, message: impl Display) -> Result<T, Refusal> {
    Err(Refusal {
        code,
        message: message.to_string(),
    })
}

thread_local! {
    static MESSAGE: RefCell<CString> = RefCell::default();
}

/// Runs the body of a call. A panic of ours ends here.
pub(crate) fn answered(body: impl FnOnce() -> Result<(), Refusal>) -> c_int {
    let (code, message) = match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => (MOCK_UCX_OK, String::new()),
        Ok(Err(refusal)) => (refusal.code, refusal.message),
        Err(_) => (MOCK_UCX_ERROR_INTERNAL, "a bug of the mock".to_owned()),
    };
    let message = CString::new(message.replace('\0', "?")).unwrap_or_default();
    // A thread that is being torn down keeps no message.
    let _ = MESSAGE.try_with(|kept| kept.replace(message));
    code
}

/// What was wrong with the last call of this thread.
pub(crate) fn message() -> *const c_char {
    MESSAGE
        .try_with(|kept| kept.borrow().as_ptr())
        .unwrap_or(c"".as_ptr())
}
