//! Memory that goes while it is registered.

use std::ptr;

use mock_ucx::Settings;
use mock_ucx::abi::memory::{ucp_mem_unmap, ucp_rkey_buffer_release, ucp_rkey_destroy};
use mock_ucx::abi::types::*;
use mock_ucx::abi::worker::ucp_worker_progress;
use mock_ucx::abi::{library, memory};
use mock_ucx::rules::Rule;

use crate::common::*;

const PAGE: usize = 4096;

fn seeing() -> Settings {
    Settings {
        watch_unmaps: true,
        ..Settings::default()
    }
}

/// Pages of the client's own.
#[derive(Clone, Copy)]
struct Pages {
    address: u64,
    count: usize,
}

impl Pages {
    fn map(count: usize) -> Pages {
        Pages::map_at(ptr::null_mut(), count, 0)
    }

    fn map_at(address: *mut libc::c_void, count: usize, flags: libc::c_int) -> Pages {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | flags;
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping, or one over pages of the test.
        let address = unsafe { libc::mmap(address, count * PAGE, access, flags, -1, 0) };
        assert_ne!(address, libc::MAP_FAILED);
        Pages {
            address: address as u64,
            count,
        }
    }

    fn part(self, first: usize, count: usize) -> Pages {
        Pages {
            address: self.address + (first * PAGE) as u64,
            count,
        }
    }

    fn unmap(self) {
        // SAFETY: the test's own pages.
        let answer = unsafe { libc::munmap(self.address as _, self.count * PAGE) };
        assert_eq!(answer, 0);
    }

    fn advise(self, advice: libc::c_int) {
        let bytes = self.count * PAGE;
        // SAFETY: the test's own pages.
        let answer = unsafe { libc::madvise(self.address as _, bytes, advice) };
        assert_eq!(answer, 0);
    }

    fn register(self, context: u64) -> u64 {
        map(context, self.address, self.count * PAGE, 0).expect("a registration")
    }
}

fn deregister(context: u64, memh: u64) {
    assert_eq!(ucp_mem_unmap(context, memh), UcsStatus::OK);
}

/// A registration of four pages under which something is done; what was done is seen at the next call.
fn with_registration(mock: &Mock, act: impl FnOnce(Pages), breaks: Option<Rule>) {
    let pair = Pair::new();
    let pages = Pages::map(4);
    let memh = pages.register(pair.context);
    act(pages);
    ucp_worker_progress(pair.near);
    if let Some(rule) = breaks {
        mock.breaks(rule);
    }
    deregister(pair.context, memh);
    pair.end();
}

#[test]
fn memory_that_is_unmapped_while_registered_is_found_also_if_it_is_a_part() {
    alone_with(seeing(), |mock| {
        with_registration(mock, Pages::unmap, Some(Rule::MemoryGone));
        let middle = |pages: Pages| pages.part(1, 1).unmap();
        with_registration(mock, middle, Some(Rule::MemoryGone));
        let dropped = |pages: Pages| pages.advise(libc::MADV_DONTNEED);
        with_registration(mock, dropped, Some(Rule::MemoryGone));
        let shrunk = |pages: Pages| {
            // SAFETY: the test's own pages.
            unsafe { libc::mremap(pages.address as _, 4 * PAGE, PAGE, 0) };
        };
        with_registration(mock, shrunk, Some(Rule::MemoryGone));
    });
}

#[test]
fn it_is_found_once_however_often_it_happens() {
    alone_with(seeing(), |mock| {
        let dropped_twice = |pages: Pages| {
            pages.advise(libc::MADV_DONTNEED);
            pages.advise(libc::MADV_DONTNEED);
            pages.unmap();
        };
        with_registration(mock, dropped_twice, Some(Rule::MemoryGone));
    });
}

#[test]
fn what_leaves_the_pages_where_they_are_breaks_nothing() {
    alone_with(seeing(), |mock| {
        let advised = |pages: Pages| {
            for advice in [libc::MADV_FREE, libc::MADV_WILLNEED, libc::MADV_DONTFORK] {
                pages.advise(advice);
            }
        };
        with_registration(mock, advised, None);
        let refused = |pages: Pages| {
            // SAFETY: the kernel refuses an address inside of a page.
            assert_eq!(unsafe { libc::munmap((pages.address + 1) as _, PAGE) }, -1);
        };
        with_registration(mock, refused, None);
        let grown = |pages: Pages| {
            // SAFETY: the test's own pages; they may not move.
            unsafe { libc::mremap(pages.address as _, 4 * PAGE, 5 * PAGE, 0) };
        };
        with_registration(mock, grown, None);
    });
}

#[test]
fn neighbours_of_a_registration_may_go() {
    alone_with(seeing(), |_| {
        let context = context();
        let pages = Pages::map(3);
        let memh = pages.part(1, 1).register(context);
        pages.part(0, 1).unmap();
        pages.part(2, 1).unmap();
        deregister(context, memh);
        pages.part(1, 1).unmap();
        library::ucp_cleanup(context);
    });
}

#[test]
fn memory_may_go_after_it_was_unmapped_and_be_registered_again() {
    alone_with(seeing(), |_| {
        let context = context();
        for _ in 0..3 {
            let pages = Pages::map(2);
            let memh = pages.register(context);
            deregister(context, memh);
            pages.unmap();
            // No call of UCX lies between: what is noted is worked off when the addresses are registered again.
            let again = Pages::map_at(pages.address as _, 2, libc::MAP_FIXED_NOREPLACE);
            let memh = again.register(context);
            deregister(context, memh);
            again.unmap();
        }
        library::ucp_cleanup(context);
    });
}

#[test]
fn memory_that_ucx_allocated_goes_with_its_handle() {
    alone_with(seeing(), |_| {
        let context = context();
        let memh = map(context, 0, 3 * PAGE, UCP_MEM_MAP_ALLOCATE).expect("memory");
        deregister(context, memh);
        library::ucp_cleanup(context);
    });
}

#[test]
fn a_mapping_in_a_registrations_place_is_found() {
    alone_with(seeing(), |mock| {
        let over = |pages: Pages| {
            Pages::map_at(pages.address as _, 1, libc::MAP_FIXED);
        };
        with_registration(mock, over, Some(Rule::MemoryReplaced));
        let pair = Pair::new();
        let pages = Pages::map(4);
        let memh = pages.register(pair.context);
        pages.unmap();
        ucp_worker_progress(pair.near);
        mock.breaks(Rule::MemoryGone);
        Pages::map_at(pages.address as _, 4, libc::MAP_FIXED_NOREPLACE);
        ucp_worker_progress(pair.near);
        mock.breaks(Rule::MemoryReplaced);
        deregister(pair.context, memh);
        pair.end();
    });
}

#[test]
fn a_mapping_beside_registrations_breaks_nothing() {
    alone_with(seeing(), |mock| {
        let between = |pages: Pages| {
            let other = Pages::map(1);
            other.unmap();
            assert_ne!(other.address, pages.address);
        };
        with_registration(mock, between, None);
    });
}

/// Packs a remote key of a registration; the key.
fn packed(context: u64, memh: u64) -> u64 {
    let mut size = 0;
    // SAFETY: the pointers are writable.
    made(|out| unsafe { memory::ucp_rkey_pack(context, memh, out, &raw mut size) })
        .expect("a packed key")
}

#[test]
fn a_registration_whose_pages_are_gone_is_stale_for_operations_and_keys() {
    alone_with(seeing(), |mock| {
        let pair = Pair::new();
        let (near, far) = (Pages::map(1), Pages::map(1));
        let (source, target) = (near.register(pair.context), far.register(pair.context));
        let rkey = remote_key(pair.context, target, pair.ep);
        let bytes = [7; 8];
        assert_eq!(put(pair.ep, &bytes, far.address, rkey, &plain()), 0);
        far.advise(libc::MADV_DONTNEED);
        assert_eq!(put(pair.ep, &bytes, far.address, rkey, &plain()), 0);
        mock.expect([Rule::MemoryGone, Rule::MemoryStale]);
        near.advise(libc::MADV_DONTNEED);
        let key = packed(pair.context, source);
        ucp_rkey_buffer_release(key);
        mock.expect([
            Rule::MemoryGone,
            Rule::MemoryStale,
            Rule::MemoryGone,
            Rule::MemoryStale,
        ]);
        ucp_rkey_destroy(rkey);
        deregister(pair.context, source);
        deregister(pair.context, target);
        pair.end();
    });
}

#[test]
fn a_registration_that_was_made_anew_is_not_stale() {
    alone_with(seeing(), |mock| {
        let pair = Pair::new();
        let pages = Pages::map(1);
        let stale = pages.register(pair.context);
        pages.advise(libc::MADV_DONTNEED);
        ucp_worker_progress(pair.near);
        mock.breaks(Rule::MemoryGone);
        deregister(pair.context, stale);
        let fresh = pages.register(pair.context);
        let key = packed(pair.context, fresh);
        ucp_rkey_buffer_release(key);
        let rkey = remote_key(pair.context, fresh, pair.ep);
        assert_eq!(put(pair.ep, &[1; 8], pages.address, rkey, &plain()), 0);
        ucp_rkey_destroy(rkey);
        deregister(pair.context, fresh);
        pair.end();
    });
}
