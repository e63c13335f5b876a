//! Stands between NIXL's plugin and the real UCX, in the process of `nixl-real`: counts handles, and interferes with single calls.
//!
//! It is written into the plugin's own table of imported functions. So it sees what NIXL calls and nothing else: UCX calls 40 of its own
//! public functions through its own table, which stays as it is.

mod callback;
mod handles;
mod table;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{How, Interference, Line};
use crate::nixl::{Installed, LoadError, rebind};
use handles::Handles;

/// `ucs_status.h:UCS_INPROGRESS`.
const IN_PROGRESS: u8 = 1;

/// Bits of `op_attr_mask` (`ucp.h:ucp_op_attr_t`): members that came with 1.22; a request is wanted.
const HAS_NEW_MEMBERS: u32 = 0b111 << 9;
const WANTS_REQUEST: u32 = 1 << 16;

/// Words of `ucp_request_param_t` before 1.22 and from then on.
const PARAM_WORDS: usize = 9;
const PARAM_WORDS_NEW: usize = 12;

/// The only one of the process.
static STATE: Mutex<Option<State>> = Mutex::new(None);

struct State {
    interferences: Vec<Interference>,
    output: File,
    handles: Handles,
    /// Calls so far, by function, and by function and endpoint.
    calls: BTreeMap<(&'static str, Option<u32>), u64>,
    progress_calls: u64,
    /// Requests whose end is not told as it is.
    pending: BTreeMap<usize, Pending>,
}

enum Pending {
    FailsWith(i8),
    WaitsUntil(u64),
}

/// Puts the shim between the plugin, which is loaded, and its UCX; `output` gets a [`Line`] for what happens.
///
/// # Errors
/// The output cannot be written, or the plugin's table cannot be changed.
///
/// # Safety
/// No other thread runs in NIXL or UCX.
pub unsafe fn install(
    installed: &Installed,
    interferences: Vec<Interference>,
    output: &Path,
) -> anyhow::Result<()> {
    *lock() = Some(State {
        interferences,
        output: File::options().append(true).create(true).open(output)?,
        handles: Handles::default(),
        calls: BTreeMap::new(),
        progress_calls: 0,
        pending: BTreeMap::new(),
    });
    let entries = table::entries();
    for client in installed.ucx_clients() {
        // SAFETY: passed on to the caller; a shim takes what its function takes, and goes on to it.
        unsafe {
            rebind::imports(&client, |name, real| {
                let entry = entries.iter().find(|entry| entry.name == name)?;
                entry.real.store(real, Relaxed);
                Some(entry.shim)
            })
        }
        .map_err(|error: LoadError| error)?;
    }
    Ok(())
}

/// Writes a line of what happens.
pub fn tell(line: &Line) {
    if let Some(state) = lock().as_mut() {
        state.tell(line);
    }
}

/// The last line: what was made and given back.
pub fn tell_handles() {
    if let Some(state) = lock().as_mut() {
        let handles = state.handles.counts();
        state.tell(&Line::Done { handles });
    }
}

fn lock() -> MutexGuard<'static, Option<State>> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One call of the plugin. The lock is not held while UCX works, since it calls back.
fn through<const N: usize>(
    function: &'static str,
    args: [usize; N],
    forward: impl FnOnce([usize; N]) -> usize,
) -> usize {
    let how = lock()
        .as_mut()
        .and_then(|state| state.before(function, &args));
    let result = match how {
        // As a status it is the low byte, as a pointer `UCS_STATUS_PTR` of it.
        Some(How::Answer(status)) => return status as isize as usize,
        Some(How::CompleteWith(_) | How::CompleteAfter(_)) => with_request(args, how, forward),
        None => forward(args),
    };
    match lock().as_mut() {
        Some(state) => state.after(function, &args, result, how),
        None => result,
    }
}

/// Does an operation so that it answers a request in any case, and its end is told as `how` says. The parameters are always its last
/// argument.
fn with_request<const N: usize>(
    mut args: [usize; N],
    how: Option<How>,
    forward: impl FnOnce([usize; N]) -> usize,
) -> usize {
    let mut copy = [0_u64; PARAM_WORDS_NEW];
    if let Some(last) = args.last_mut() {
        let words = match mask(*last) & HAS_NEW_MEMBERS {
            0 => PARAM_WORDS,
            _ => PARAM_WORDS_NEW,
        };
        // SAFETY: the plugin passes a whole structure of its release, which is that long; the copy is as long or longer.
        unsafe {
            std::ptr::copy_nonoverlapping(
                *last as *const u8,
                copy.as_mut_ptr().cast::<u8>(),
                words * size_of::<u64>(),
            );
        }
        // The mask is the first member, a word of 32 bits.
        // SAFETY: within the copy, and aligned as it.
        unsafe { *copy.as_mut_ptr().cast::<u32>() |= WANTS_REQUEST };
        if let Some(How::CompleteWith(status)) = how {
            callback::divert(&mut copy, status);
        }
        *last = copy.as_ptr() as usize;
    }
    forward(args)
}

/// The mask of an operation's parameters.
fn mask(param: usize) -> u32 {
    if param == 0 {
        return 0;
    }
    // SAFETY: the plugin passes a pointer to the parameters, whose first member is the mask.
    unsafe { (param as *const u32).read_unaligned() }
}

impl State {
    fn tell(&mut self, line: &Line) {
        if let Ok(mut text) = serde_json::to_string(line) {
            text.push('\n');
            // Whoever started this process misses what cannot be written.
            let _ = self.output.write_all(text.as_bytes());
        }
    }

    /// Counts a call and says what is to be done to it.
    fn before(&mut self, function: &'static str, args: &[usize]) -> Option<How> {
        if function == "ucp_worker_progress" {
            self.progress_calls += 1;
        }
        let first = args.first().copied().unwrap_or_default();
        let endpoint = self.handles.endpoint(first);
        let in_process = count(&mut self.calls, (function, None));
        let with_endpoint = endpoint.map(|_| count(&mut self.calls, (function, endpoint)));
        let index = self.interferences.iter().position(|one| {
            let occurrence = match one.endpoint {
                None => Some(in_process),
                Some(_) => with_endpoint.filter(|_| one.endpoint == endpoint),
            };
            one.function == function && occurrence == Some(one.occurrence)
        });
        let how = index.and_then(|index| self.allow(index, args));
        if !matches!(how, Some(How::Answer(_))) {
            self.handles.begins(function, args);
        }
        how
    }

    fn allow(&mut self, index: usize, args: &[usize]) -> Option<How> {
        let how = self.interferences[index].how;
        let param = args.last().copied().unwrap_or_default();
        if matches!(how, How::CompleteAfter(_)) && mask(param) & callback::HAS_CALLBACK != 0 {
            self.tell(&Line::Impossible {
                why: "UCX tells the end of that operation by a callback, which cannot be put off"
                    .to_owned(),
            });
            return None;
        }
        self.tell(&Line::Fired { index });
        Some(how)
    }

    /// Takes in a call that came back, and says what the plugin is told.
    fn after(
        &mut self,
        function: &'static str,
        args: &[usize],
        result: usize,
        how: Option<How>,
    ) -> usize {
        self.handles.returned(function, args, result);
        match how {
            Some(How::CompleteWith(status)) => {
                self.pending.insert(result, Pending::FailsWith(status));
            }
            Some(How::CompleteAfter(calls)) => {
                let until = self.progress_calls + u64::from(calls);
                self.pending.insert(result, Pending::WaitsUntil(until));
            }
            _ => {}
        }
        let first = args.first().copied().unwrap_or_default();
        match function {
            "ucp_request_check_status" => self.status(first, result),
            "ucp_request_free" => {
                self.pending.remove(&first);
                result
            }
            _ => result,
        }
    }

    fn status(&self, request: usize, real: usize) -> usize {
        match self.pending.get(&request) {
            _ if real as u8 == IN_PROGRESS => real,
            Some(Pending::FailsWith(status)) => *status as isize as usize,
            Some(Pending::WaitsUntil(until)) if self.progress_calls < *until => IN_PROGRESS.into(),
            _ => real,
        }
    }
}

/// The number of this call.
fn count(
    calls: &mut BTreeMap<(&'static str, Option<u32>), u64>,
    of: (&'static str, Option<u32>),
) -> u64 {
    let count = calls.entry(of).or_default();
    *count += 1;
    *count
}
