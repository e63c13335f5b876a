//! Operations whose end UCX tells by a callback: the plugin's own is called in its place, with another status.
//!
//! A later end cannot be made so: while a worker is destroyed the real UCX calls back for what is under way, and a callback that is
//! withheld beyond that would lose a request which NIXL would have given back.

use std::sync::{Mutex, PoisonError};

use super::PARAM_WORDS_NEW;

/// Bits of `op_attr_mask` (`ucp.h:ucp_op_attr_t`): the end is told by a callback; it is given a pointer.
pub(super) const HAS_CALLBACK: u32 = 1 << 1;
const HAS_USER_DATA: u64 = 1 << 2;

/// Words of `ucp_request_param_t` that hold the callback and what it is given (`ucp.h`, the same since 1.13).
const CALLBACK_WORD: usize = 2;
const USER_DATA_WORD: usize = 4;

/// `ucp.h:ucp_send_nbx_callback_t`: request, status, the caller's own pointer.
type Callback = unsafe extern "C-unwind" fn(usize, i8, usize);

/// How the plugin is told the end of an operation.
#[derive(Clone, Copy)]
struct Ending {
    callback: Callback,
    user_data: usize,
    status: i8,
}

/// By their places, which are what UCX is given as the caller's own pointer.
static ENDINGS: Mutex<Vec<Ending>> = Mutex::new(Vec::new());

/// Puts ours in the place of the callback in these parameters, if there is one.
pub(super) fn divert(param: &mut [u64; PARAM_WORDS_NEW], status: i8) {
    // The mask is the low half of the first word on a little-endian machine, as all that NIXL is built for are.
    if param[0] as u32 & HAS_CALLBACK == 0 || param[CALLBACK_WORD] == 0 {
        return;
    }
    // SAFETY: the mask says that the word holds a callback of this type, and it is not null.
    let callback: Callback = unsafe { std::mem::transmute(param[CALLBACK_WORD] as usize) };
    let mut endings = ENDINGS.lock().unwrap_or_else(PoisonError::into_inner);
    endings.push(Ending {
        callback,
        user_data: param[USER_DATA_WORD] as usize,
        status,
    });
    param[CALLBACK_WORD] = on_end as *const () as u64;
    param[USER_DATA_WORD] = endings.len() as u64 - 1;
    param[0] |= HAS_USER_DATA;
}

/// UCX tells the end of a diverted operation.
unsafe extern "C-unwind" fn on_end(request: usize, _status: i8, place: usize) {
    let ending = {
        let endings = ENDINGS.lock().unwrap_or_else(PoisonError::into_inner);
        endings.get(place).copied()
    };
    if let Some(ending) = ending {
        // SAFETY: the plugin's own callback with its own pointer, called where and with what UCX would call it, but for the status.
        unsafe { (ending.callback)(request, ending.status, ending.user_data) };
    }
}
