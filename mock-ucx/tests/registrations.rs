//! Registrations: what is mapped, what a query says, and what becomes of the memory.

mod common;

use common::*;
use mock_ucx::abi::types::*;
use mock_ucx::abi::{library, memory};
use mock_ucx::ledger::{Kind, Trouble};
use mock_ucx::rules::Rule;

const PAGE: usize = 4096;

/// Address, length and type, as far as the mask asks for them.
fn query(memh: u64, field_mask: u64) -> (u64, usize, u32) {
    let mut attr = UcpMemAttr {
        field_mask,
        address: 0xa5 as _,
        length: 0xa5,
        mem_type: 0xa5,
    };
    // SAFETY: the structure is right.
    let status = unsafe { memory::ucp_mem_query(memh, &raw mut attr) };
    assert_eq!(status, UcsStatus::OK);
    (attr.address as u64, attr.length, attr.mem_type)
}

const ALL: u64 =
    UCP_MEM_ATTR_FIELD_ADDRESS | UCP_MEM_ATTR_FIELD_LENGTH | UCP_MEM_ATTR_FIELD_MEM_TYPE;

/// Whether a page can be read.
fn mapped(address: u64) -> bool {
    let mut residency = 0;
    // SAFETY: the vector has room for one page.
    unsafe { libc::mincore(address as _, PAGE, &raw mut residency) == 0 }
}

#[test]
fn a_query_answers_what_is_asked_for_and_leaves_the_rest_alone() {
    alone(|_| {
        let context = context();
        let bytes = [0; 100];
        let memh = register(context, &bytes);
        let at = bytes.as_ptr() as u64;
        assert_eq!(query(memh, ALL), (at, 100, UCS_MEMORY_TYPE_HOST));
        assert_eq!(query(memh, UCP_MEM_ATTR_FIELD_LENGTH), (0xa5, 100, 0xa5));
        assert_eq!(query(memh, 0), (0xa5, 0xa5, 0xa5));
        assert_eq!(memory::ucp_mem_unmap(context, memh), UcsStatus::OK);
        library::ucp_cleanup(context);
    });
}

#[test]
fn equal_and_overlapping_ranges_have_handles_of_their_own() {
    alone(|mock| {
        let context = context();
        let bytes = [0; 100];
        let handles = [
            register(context, &bytes),
            register(context, &bytes),
            register(context, &bytes[50..]),
        ];
        assert!(handles[0] != handles[1] && handles[1] != handles[2]);
        assert_eq!(mock.live(Kind::MemoryHandle), 3);
        for memh in handles {
            assert_eq!(memory::ucp_mem_unmap(context, memh), UcsStatus::OK);
        }
        library::ucp_cleanup(context);
    });
}

#[test]
fn registrations_of_nothing_share_one_handle_that_is_never_lost() {
    alone(|mock| {
        let (one, other) = (context(), context());
        let pair = Pair::new();
        let bytes = [0; 8];
        let memh = map(one, bytes.as_ptr() as u64, 0, 0).expect("a handle");
        assert_eq!(map(other, 0, 0, 0), Ok(memh));
        assert_eq!(query(memh, ALL), (0, 0, UCS_MEMORY_TYPE_HOST));
        for _ in 0..3 {
            assert_eq!(memory::ucp_mem_unmap(one, memh), UcsStatus::OK);
        }
        let rkey = remote_key(other, memh, pair.ep);
        assert_eq!(put(pair.ep, &[], bytes.as_ptr() as u64, rkey, &plain()), 0);
        memory::ucp_rkey_destroy(rkey);
        let second = remote_key(other, memh, pair.ep);
        memory::ucp_rkey_destroy(second);
        assert_eq!(
            (mock.live(Kind::MemoryHandle), mock.live(Kind::RkeyBuffer)),
            (0, 0)
        );
        pair.end();
        library::ucp_cleanup(one);
        library::ucp_cleanup(other);
    });
}

#[test]
fn nothing_can_be_written_through_a_key_of_nothing() {
    alone(|mock| {
        let pair = Pair::new();
        let bytes = [0; 8];
        let memh = map(pair.context, 0, 0, 0).expect("a handle");
        let rkey = remote_key(pair.context, memh, pair.ep);
        let refused = put(pair.ep, &[1], bytes.as_ptr() as u64, rkey, &plain());
        assert_eq!(refused, UcsStatus::CONNECTION_RESET.to_ptr());
        mock.breaks(Rule::RmaRange);
        memory::ucp_rkey_destroy(rkey);
        pair.end_failed();
    });
}

#[test]
fn allocated_memory_is_whole_pages_that_unmap_frees() {
    alone(|_| {
        let context = context();
        let memh = map(context, 0, 10_000, UCP_MEM_MAP_ALLOCATE).expect("memory");
        let (address, length, _) = query(memh, ALL);
        assert_eq!(length, 3 * PAGE);
        // SAFETY: UCX allocated these bytes for the client.
        unsafe { std::ptr::write_bytes(address as *mut u8, 1, length) };
        assert!(mapped(address));
        assert_eq!(memory::ucp_mem_unmap(context, memh), UcsStatus::OK);
        assert!(!mapped(address));
        library::ucp_cleanup(context);
    });
}

#[test]
fn memory_at_a_fixed_address_is_there_or_nowhere() {
    alone(|_| {
        let context = context();
        let flags = UCP_MEM_MAP_ALLOCATE | UCP_MEM_MAP_FIXED;
        let free = map(context, 0, PAGE, UCP_MEM_MAP_ALLOCATE).expect("memory");
        let (address, ..) = query(free, ALL);
        assert_eq!(
            map(context, address, PAGE, flags),
            Err(UcsStatus::NO_MEMORY)
        );
        assert_eq!(memory::ucp_mem_unmap(context, free), UcsStatus::OK);
        let memh = map(context, address, PAGE, flags).expect("the place is free");
        assert_eq!(query(memh, ALL).0, address);
        assert_eq!(memory::ucp_mem_unmap(context, memh), UcsStatus::OK);
        assert_eq!(map(context, 0, PAGE, flags), Err(UcsStatus::NO_MEMORY));
        library::ucp_cleanup(context);
    });
}

#[test]
fn the_clients_own_memory_outlives_its_registration() {
    alone(|_| {
        let context = context();
        let bytes = vec![3; 3 * PAGE];
        let memh = register(context, &bytes);
        assert_eq!(memory::ucp_mem_unmap(context, memh), UcsStatus::OK);
        assert_eq!(bytes, vec![3; 3 * PAGE]);
        library::ucp_cleanup(context);
    });
}

#[test]
fn flags_that_contradict_range_or_each_other_are_found() {
    alone(|mock| {
        let context = context();
        let at = 0x7000_0000_1000;
        let wrong = [
            (0, 100, 0),
            (at, PAGE, UCP_MEM_MAP_FIXED),
            (at + 1, PAGE, UCP_MEM_MAP_FIXED | UCP_MEM_MAP_ALLOCATE),
            (at, PAGE, UCP_MEM_MAP_NONBLOCK | UCP_MEM_MAP_LOCK),
            (u64::MAX - 10, 100, 0),
        ];
        for (address, length, flags) in wrong {
            assert_eq!(
                map(context, address, length, flags),
                Err(UcsStatus::INVALID_PARAM)
            );
            mock.breaks(Rule::MemoryFlags);
        }
        let params = UcpMemMapParams {
            field_mask: UCP_MEM_MAP_PARAM_FIELD_ADDRESS,
            ..zeroed()
        };
        // SAFETY: the structure is right.
        let refused = made(|out| unsafe { memory::ucp_mem_map(context, &raw const params, out) });
        assert_eq!(refused, Err(UcsStatus::INVALID_PARAM));
        mock.breaks(Rule::MemoryLength);
        library::ucp_cleanup(context);
    });
}

#[test]
fn a_registration_belongs_to_its_context() {
    alone(|mock| {
        let (own, other) = (context(), context());
        let bytes = [0; 8];
        let memh = register(own, &bytes);
        assert_eq!(memory::ucp_mem_unmap(other, memh), UcsStatus::INVALID_PARAM);
        mock.breaks(Rule::MemoryHandle);
        assert_eq!(mock.snapshot().findings[0].trouble, Trouble::OtherParent);
        assert_eq!(memory::ucp_mem_unmap(own, memh), UcsStatus::OK);
        assert_eq!(memory::ucp_mem_unmap(own, memh), UcsStatus::INVALID_PARAM);
        mock.breaks(Rule::MemoryTwice);
        library::ucp_cleanup(own);
        library::ucp_cleanup(other);
    });
}
