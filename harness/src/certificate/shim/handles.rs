//! What NIXL made of UCX and gave back, by kind of object; the names are those of findings.

use std::collections::BTreeMap;

use crate::certificate::Count;

/// Statuses that a returned pointer may be instead: `ucs_status.h:UCS_PTR_IS_ERR` (v1.22).
const ERRORS: std::ops::RangeInclusive<usize> = (-100_isize as usize)..=usize::MAX;

/// A handle that is alive.
#[derive(Clone, Copy)]
struct Alive {
    kind: &'static str,
    parent: usize,
}

/// The handles that are alive, and the counts.
#[derive(Default)]
pub(super) struct Handles {
    alive: BTreeMap<(usize, &'static str), Vec<Alive>>,
    counts: BTreeMap<&'static str, Count>,
    /// The worker of each endpoint, and its place among all endpoints; a closed one's stay until its value is used again.
    endpoints: BTreeMap<usize, (usize, u32)>,
    endpoints_made: u32,
}

impl Handles {
    /// The place of an endpoint among all that were made, from 1.
    pub(super) fn endpoint(&self, handle: usize) -> Option<u32> {
        self.endpoints.get(&handle).map(|(_, ordinal)| *ordinal)
    }

    /// The counts, by kind.
    pub(super) fn counts(&self) -> BTreeMap<String, Count> {
        let owned = |(kind, count): (&&str, &Count)| ((*kind).to_owned(), *count);
        self.counts.iter().map(owned).collect()
    }

    /// Takes in a call that came back.
    pub(super) fn returned(&mut self, function: &str, args: &[usize], result: usize) {
        // A status is the low byte.
        let is_ok = result as u8 == 0;
        let arg = |index: usize| args.get(index).copied().unwrap_or_default();
        match function {
            "ucp_init_version" if is_ok => self.made("context", out(arg(4)), 0),
            "ucp_worker_create" if is_ok => self.made("worker", out(arg(2)), arg(0)),
            "ucp_ep_create" if is_ok => {
                let endpoint = out(arg(2));
                self.endpoints_made += 1;
                self.endpoints
                    .insert(endpoint, (arg(0), self.endpoints_made));
                self.made("endpoint", endpoint, arg(0));
            }
            // Only now: UCX may call back while it destroys, and the plugin may give back what is left.
            "ucp_worker_destroy" | "ucp_cleanup" => self.lose_children(arg(0)),
            "ucp_mem_map" if is_ok => self.made("memory_handle", out(arg(2)), arg(0)),
            "ucp_rkey_pack" if is_ok => self.made("rkey_buffer", out(arg(2)), arg(0)),
            "ucp_ep_rkey_unpack" if is_ok => self.made("rkey", out(arg(2)), self.worker(arg(0))),
            "ucp_put_nbx" | "ucp_get_nbx" | "ucp_am_send_nbx" | "ucp_ep_flush_nbx"
            | "ucp_ep_close_nbx"
                if result != 0 && !ERRORS.contains(&result) =>
            {
                self.made("request", result, self.worker(arg(0)));
            }
            _ => {}
        }
    }

    /// Takes in a call that gives something back, before it reaches UCX: after it the handle's value may be another's.
    pub(super) fn begins(&mut self, function: &str, args: &[usize]) {
        let arg = |index: usize| args.get(index).copied().unwrap_or_default();
        match function {
            "ucp_mem_unmap" => self.ended("memory_handle", arg(1)),
            "ucp_rkey_buffer_release" => self.ended("rkey_buffer", arg(0)),
            "ucp_rkey_destroy" => self.ended("rkey", arg(0)),
            "ucp_request_free" => self.ended("request", arg(0)),
            "ucp_ep_close_nbx" => self.ended("endpoint", arg(0)),
            "ucp_worker_destroy" => self.ended("worker", arg(0)),
            "ucp_cleanup" => self.ended("context", arg(0)),
            _ => {}
        }
    }

    fn worker(&self, endpoint: usize) -> usize {
        self.endpoints
            .get(&endpoint)
            .map_or(0, |(worker, _)| *worker)
    }

    fn made(&mut self, kind: &'static str, handle: usize, parent: usize) {
        self.counts.entry(kind).or_default().made += 1;
        // UCX may give out one handle twice, for two registrations of the same memory.
        let alive = self.alive.entry((handle, kind)).or_default();
        alive.push(Alive { kind, parent });
    }

    fn ended(&mut self, kind: &'static str, handle: usize) {
        if let Some(alive) = self.alive.get_mut(&(handle, kind))
            && alive.pop().is_some()
        {
            self.counts.entry(kind).or_default().ended += 1;
        }
    }

    /// What belongs to `parent` can never be given back once that is gone.
    fn lose_children(&mut self, parent: usize) {
        for alive in self.alive.values_mut() {
            let (lost, kept): (Vec<Alive>, Vec<Alive>) =
                alive.iter().partition(|alive| alive.parent == parent);
            *alive = kept;
            for one in lost {
                self.counts.entry(one.kind).or_default().lost += 1;
            }
        }
    }
}

/// The handle that a call wrote to where its argument points.
fn out(pointer: usize) -> usize {
    if pointer == 0 {
        return 0;
    }
    // SAFETY: the call succeeded, so it has written a pointer there; only this call's caller reads or writes it besides.
    unsafe { (pointer as *const usize).read_unaligned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTEXT: usize = 0x10;
    const WORKER: usize = 0x20;
    const ENDPOINT: usize = 0x30;
    const REQUEST: usize = 0x40;

    fn with_endpoint() -> Handles {
        let mut handles = Handles::default();
        let (context, worker, endpoint) = (CONTEXT, WORKER, ENDPOINT);
        handles.returned("ucp_init_version", &[0, 0, 0, 0, address(&context)], 0);
        handles.returned("ucp_worker_create", &[CONTEXT, 0, address(&worker)], 0);
        handles.returned("ucp_ep_create", &[WORKER, 0, address(&endpoint)], 0);
        handles
    }

    fn address(value: &usize) -> usize {
        std::ptr::from_ref(value) as usize
    }

    #[test]
    fn a_request_that_is_alive_when_its_worker_ends_is_lost() {
        let mut handles = with_endpoint();
        handles.returned("ucp_put_nbx", &[ENDPOINT], REQUEST);
        handles.begins("ucp_worker_destroy", &[WORKER]);
        handles.returned("ucp_worker_destroy", &[WORKER], 0);
        let expected = Count {
            made: 1,
            ended: 0,
            lost: 1,
        };
        assert_eq!(handles.counts()["request"], expected);
    }

    #[test]
    fn what_is_given_back_in_time_is_not_lost() {
        let mut handles = with_endpoint();
        handles.returned("ucp_put_nbx", &[ENDPOINT], REQUEST);
        handles.begins("ucp_ep_close_nbx", &[ENDPOINT]);
        handles.begins("ucp_worker_destroy", &[WORKER]);
        // In a callback while the worker is destroyed.
        handles.begins("ucp_request_free", &[REQUEST]);
        handles.returned("ucp_worker_destroy", &[WORKER], 0);
        handles.begins("ucp_cleanup", &[CONTEXT]);
        handles.returned("ucp_cleanup", &[CONTEXT], 0);
        assert!(handles.counts().values().all(|count| count.lost == 0));
        assert!(
            handles
                .counts()
                .values()
                .all(|count| count.made == count.ended)
        );
    }

    #[test]
    fn an_operation_that_fails_or_is_done_at_once_makes_no_request() {
        let mut handles = with_endpoint();
        handles.returned("ucp_put_nbx", &[ENDPOINT], 0);
        handles.returned("ucp_put_nbx", &[ENDPOINT], -4_isize as usize);
        handles.returned("ucp_mem_map", &[CONTEXT, 0, 0], 0xfc);
        assert!(!handles.counts().contains_key("request"));
        assert!(!handles.counts().contains_key("memory_handle"));
        assert_eq!(handles.endpoint(ENDPOINT), Some(1));
    }
}
