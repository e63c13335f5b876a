//! Registrations and remote keys.

use mock_ucx::abi::types::*;
use mock_ucx::abi::{library, memory};
use mock_ucx::rules::Rule;

use crate::common::*;

/// A registration that may be used so.
fn protected(context: u64, bytes: &[u8], prot: u32) -> u64 {
    let params = UcpMemMapParams {
        field_mask: UCP_MEM_MAP_PARAM_FIELD_ADDRESS
            | UCP_MEM_MAP_PARAM_FIELD_LENGTH
            | UCP_MEM_MAP_PARAM_FIELD_PROT,
        address: bytes.as_ptr() as _,
        length: bytes.len(),
        prot,
        ..zeroed()
    };
    // SAFETY: the structure is right.
    made(|out| unsafe { memory::ucp_mem_map(context, &raw const params, out) })
        .expect("a registration")
}

/// Puts or gets eight bytes between two registrations that may be used so.
fn transfer(pair: &Pair, get_it: bool, local: u32, remote: u32) -> usize {
    let (mut near, far) = ([1; 8], [2; 8]);
    let memh = protected(pair.context, &near, local);
    let target = protected(pair.context, &far, remote);
    let rkey = remote_key(pair.context, target, pair.ep);
    let param = UcpRequestParam {
        memh: memh as _,
        ..with(plain(), UCP_OP_ATTR_FIELD_MEMH)
    };
    let remote = far.as_ptr() as u64;
    let answer = if get_it {
        get(pair.ep, &mut near, remote, rkey, &param)
    } else {
        put(pair.ep, &near, remote, rkey, &param)
    };
    memory::ucp_rkey_destroy(rkey);
    for memh in [memh, target] {
        assert_eq!(memory::ucp_mem_unmap(pair.context, memh), UcsStatus::OK);
    }
    answer
}

const READ: u32 = UCP_MEM_MAP_PROT_LOCAL_READ;
const WRITE: u32 = UCP_MEM_MAP_PROT_LOCAL_WRITE;
const PEER_READ: u32 = UCP_MEM_MAP_PROT_REMOTE_READ;
const PEER_WRITE: u32 = UCP_MEM_MAP_PROT_REMOTE_WRITE;

#[test]
fn an_access_that_a_registration_was_not_made_for_is_found() {
    alone(|mock| {
        let pair = Pair::new();
        for (get_it, local, remote) in [
            (false, WRITE, PEER_WRITE),
            (false, READ, PEER_READ),
            (true, READ, PEER_READ),
            (true, WRITE, PEER_WRITE),
        ] {
            assert_eq!(transfer(&pair, get_it, local, remote), 0);
            mock.breaks(Rule::MemoryProtection);
        }
        pair.end();
    });
}

#[test]
fn the_least_that_an_access_needs_is_enough() {
    alone(|_| {
        let pair = Pair::new();
        assert_eq!(transfer(&pair, false, READ, PEER_WRITE), 0);
        assert_eq!(transfer(&pair, true, WRITE, PEER_READ), 0);
        pair.end();
    });
}

#[test]
fn to_pack_a_key_with_another_context_is_found_and_works() {
    alone(|mock| {
        let (own, other) = (context(), context());
        let bytes = [0; 8];
        let memh = register(own, &bytes);
        let pack = |context| {
            let mut size = 0;
            // SAFETY: the pointers are writable.
            made(|out| unsafe { memory::ucp_rkey_pack(context, memh, out, &raw mut size) })
        };
        memory::ucp_rkey_buffer_release(pack(own).expect("a packed key"));
        mock.expect([]);
        memory::ucp_rkey_buffer_release(pack(other).expect("a packed key"));
        mock.breaks(Rule::RkeyContext);
        assert_eq!(memory::ucp_mem_unmap(own, memh), UcsStatus::OK);
        library::ucp_cleanup(own);
        library::ucp_cleanup(other);
    });
}

#[test]
fn a_packed_key_is_released_once() {
    alone(|mock| {
        let context = context();
        let bytes = [0; 8];
        let memh = register(context, &bytes);
        let mut size = 0;
        // SAFETY: the pointers are writable.
        let blob = made(|out| unsafe { memory::ucp_rkey_pack(context, memh, out, &raw mut size) });
        let blob = blob.expect("a packed key");
        memory::ucp_rkey_buffer_release(blob);
        mock.expect([]);
        memory::ucp_rkey_buffer_release(blob);
        mock.breaks(Rule::RkeyBuffer);
        assert_eq!(memory::ucp_mem_unmap(context, memh), UcsStatus::OK);
        library::ucp_cleanup(context);
    });
}

#[test]
fn a_key_is_destroyed_once() {
    alone(|mock| {
        let pair = Pair::new();
        let bytes = [0; 8];
        let memh = register(pair.context, &bytes);
        let rkey = remote_key(pair.context, memh, pair.ep);
        memory::ucp_rkey_destroy(rkey);
        mock.expect([]);
        memory::ucp_rkey_destroy(rkey);
        mock.breaks(Rule::RkeyHandle);
        assert_eq!(memory::ucp_mem_unmap(pair.context, memh), UcsStatus::OK);
        pair.end();
    });
}

#[test]
fn an_exported_handle_excludes_allocation_and_may_be_unsupported() {
    alone(|mock| {
        let context = context();
        let blob = [0_u8; 64];
        let import = |flags| {
            let params = UcpMemMapParams {
                field_mask: UCP_MEM_MAP_PARAM_FIELD_EXPORTED_MEMH_BUFFER
                    | UCP_MEM_MAP_PARAM_FIELD_FLAGS,
                exported_memh_buffer: blob.as_ptr().cast(),
                flags,
                ..zeroed()
            };
            // SAFETY: the structure is right.
            made(|out| unsafe { memory::ucp_mem_map(context, &raw const params, out) })
        };
        assert_eq!(import(0), Err(UcsStatus::UNSUPPORTED));
        mock.expect([]);
        assert_eq!(import(UCP_MEM_MAP_ALLOCATE), Err(UcsStatus::INVALID_PARAM));
        mock.breaks(Rule::MemoryFlags);
        library::ucp_cleanup(context);
    });
}
