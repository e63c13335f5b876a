//! Device memory lists.

use mock_ucx::Settings;
use mock_ucx::abi::types::*;
use mock_ucx::abi::{device, library, memory};
use mock_ucx::ledger::Kind;
use mock_ucx::rules::Rule;

use crate::common::*;

fn with_gpu() -> Settings {
    Settings {
        device_api: true,
        ..Settings::default()
    }
}

fn params(elements: &[UcpDeviceMemListElem], worker: u64) -> UcpDeviceMemListParams {
    UcpDeviceMemListParams {
        field_mask: UCP_DEVICE_MEM_LIST_PARAMS_FIELD_ELEMENTS
            | UCP_DEVICE_MEM_LIST_PARAMS_FIELD_ELEMENT_SIZE
            | UCP_DEVICE_MEM_LIST_PARAMS_FIELD_NUM_ELEMENTS
            | UCP_DEVICE_MEM_LIST_PARAMS_FIELD_WORKER,
        element_size: size_of::<UcpDeviceMemListElem>(),
        num_elements: elements.len(),
        worker: worker as _,
        elements: elements.as_ptr(),
    }
}

/// A list of one registration.
fn local_list(worker: u64, memh: u64) -> u64 {
    let elements = [UcpDeviceMemListElem {
        field_mask: UCP_DEVICE_MEM_LIST_ELEM_FIELD_MEMH,
        memh: memh as _,
        ..zeroed()
    }];
    let params = params(&elements, worker);
    // SAFETY: the structures are right.
    made(|out| unsafe { device::ucp_device_local_mem_list_create(&raw const params, out) })
        .expect("a list")
}

/// A list of the peer's memory, and of a gap.
fn remote_list(ep: Option<u64>, rkey: u64) -> Result<u64, UcsStatus> {
    let of_ep = ep.map_or(0, |_| UCP_DEVICE_MEM_LIST_ELEM_FIELD_EP);
    let elements = [
        zeroed(),
        UcpDeviceMemListElem {
            field_mask: UCP_DEVICE_MEM_LIST_ELEM_FIELD_RKEY | of_ep,
            rkey: rkey as _,
            ep: ep.unwrap_or(0) as _,
            ..zeroed()
        },
    ];
    let params = params(&elements, 0);
    // SAFETY: the structures are right.
    made(|out| unsafe { device::ucp_device_remote_mem_list_create(&raw const params, out) })
}

#[test]
fn a_list_is_released_once() {
    alone_with(with_gpu(), |mock| {
        let pair = Pair::new();
        let bytes = [0; 8];
        let memh = register(pair.context, &bytes);
        let list = local_list(pair.near, memh);
        device::ucp_device_mem_list_release(list);
        mock.expect([]);
        device::ucp_device_mem_list_release(list);
        mock.breaks(Rule::ListHandle);
        assert_eq!(memory::ucp_mem_unmap(pair.context, memh), UcsStatus::OK);
        pair.end();
    });
}

#[test]
fn a_list_that_outlives_its_context_is_found() {
    alone_with(with_gpu(), |mock| {
        let context = context();
        let worker = worker(context, UCS_THREAD_MODE_SINGLE);
        let bytes = [0; 8];
        let memh = register(context, &bytes);
        local_list(worker, memh);
        library::ucp_cleanup(context);
        mock.expect([
            Rule::ContextWorkers,
            Rule::ContextLists,
            Rule::ContextMemory,
        ]);
        for kind in [Kind::Worker, Kind::MemList, Kind::MemoryHandle] {
            mock.leaves(kind, 1);
        }
    });
}

#[test]
fn a_list_that_outlives_what_it_was_made_of_is_noted() {
    alone_with(with_gpu(), |mock| {
        let pair = Pair::new();
        let bytes = [0; 8];
        let (memh, unrelated) = (
            register(pair.context, &bytes),
            register(pair.context, &bytes),
        );
        let rkey = remote_key(pair.context, memh, pair.ep);
        let list = remote_list(Some(pair.ep), rkey).expect("a list");
        assert_eq!(
            memory::ucp_mem_unmap(pair.context, unrelated),
            UcsStatus::OK
        );
        assert_eq!(mock.notes(Rule::ListOutlives), 0);
        memory::ucp_rkey_destroy(rkey);
        assert_eq!(mock.notes(Rule::ListOutlives), 1);
        device::ucp_device_mem_list_release(list);
        let list = local_list(pair.near, memh);
        assert_eq!(memory::ucp_mem_unmap(pair.context, memh), UcsStatus::OK);
        assert_eq!(mock.notes(Rule::ListOutlives), 2);
        device::ucp_device_mem_list_release(list);
        pair.end();
    });
}

#[test]
fn a_list_that_goes_first_is_not() {
    alone_with(with_gpu(), |mock| {
        let pair = Pair::new();
        let bytes = [0; 8];
        let memh = register(pair.context, &bytes);
        let rkey = remote_key(pair.context, memh, pair.ep);
        let list = remote_list(Some(pair.ep), rkey).expect("a list");
        device::ucp_device_mem_list_release(list);
        memory::ucp_rkey_destroy(rkey);
        assert_eq!(memory::ucp_mem_unmap(pair.context, memh), UcsStatus::OK);
        assert_eq!(mock.notes(Rule::ListOutlives), 0);
        pair.end();
    });
}

#[test]
fn each_element_of_a_remote_list_has_a_key_and_an_endpoint_or_is_a_gap() {
    alone_with(with_gpu(), |mock| {
        let pair = Pair::new();
        let bytes = [0; 8];
        let memh = register(pair.context, &bytes);
        let rkey = remote_key(pair.context, memh, pair.ep);
        device::ucp_device_mem_list_release(remote_list(Some(pair.ep), rkey).expect("a list"));
        mock.expect([]);
        assert_eq!(remote_list(None, rkey), Err(UcsStatus::INVALID_PARAM));
        mock.breaks(Rule::ListElements);
        memory::ucp_rkey_destroy(rkey);
        assert_eq!(memory::ucp_mem_unmap(pair.context, memh), UcsStatus::OK);
        pair.end();
    });
}
