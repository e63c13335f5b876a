//! The library, its settings and contexts.

use std::ffi::CString;

use mock_ucx::Settings;
use mock_ucx::abi::types::*;
use mock_ucx::abi::{library, memory, worker as workers};
use mock_ucx::ledger::Kind;
use mock_ucx::rules::Rule;
use mock_ucx::version::UcxVersion;

use crate::common::*;

fn of_release(minor: u16) -> Settings {
    Settings {
        version: UcxVersion::new(minor, 0),
        ..Settings::default()
    }
}

/// A context for put and get whose parameters have these other bits.
fn context_of(field_mask: u64, features: u64) -> u64 {
    context_with(&UcpParams {
        field_mask: UCP_PARAM_FIELD_FEATURES | field_mask,
        features: UCP_FEATURE_RMA | features,
        ..zeroed()
    })
}

fn config() -> u64 {
    // SAFETY: the strings may be null.
    made(|out| unsafe { library::ucp_config_read(std::ptr::null(), std::ptr::null(), out) })
        .expect("a configuration")
}

fn modify(config: u64, name: &str, value: &str) -> UcsStatus {
    let (name, value) = (CString::new(name), CString::new(value));
    let (name, value) = (name.expect("a name"), value.expect("a value"));
    // SAFETY: the strings are terminated.
    unsafe { library::ucp_config_modify(config, name.as_ptr(), value.as_ptr()) }
}

#[test]
fn a_bit_that_the_release_does_not_know_is_found() {
    alone_with(of_release(18), |mock| {
        library::ucp_cleanup(context_of(UCP_PARAM_FIELD_NODE_LOCAL_ID, 0));
        mock.breaks(Rule::UnknownBits);
        library::ucp_cleanup(context_of(0, UCP_FEATURE_DEVICE));
        mock.breaks(Rule::UnknownBits);
    });
}

#[test]
fn the_same_bit_is_fine_in_a_release_that_knows_it() {
    alone_with(of_release(20), |_| {
        library::ucp_cleanup(context_of(
            UCP_PARAM_FIELD_NODE_LOCAL_ID,
            UCP_FEATURE_DEVICE,
        ));
    });
}

#[test]
fn unknown_bits_of_every_kind_of_word_are_found_and_ignored() {
    alone(|mock| {
        let pair = Pair::new();
        let worker = {
            let params = UcpWorkerParams {
                field_mask: 1 << 60 | UCP_WORKER_PARAM_FIELD_FLAGS,
                flags: 1 << 60,
                ..zeroed()
            };
            // SAFETY: the structure is right.
            made(|out| unsafe { workers::ucp_worker_create(pair.context, &raw const params, out) })
        };
        workers::ucp_worker_destroy(worker.expect("a worker"));
        let bytes = [0; 8];
        let params = UcpMemMapParams {
            field_mask: 1 << 60
                | UCP_MEM_MAP_PARAM_FIELD_ADDRESS
                | UCP_MEM_MAP_PARAM_FIELD_LENGTH
                | UCP_MEM_MAP_PARAM_FIELD_FLAGS,
            address: bytes.as_ptr() as _,
            length: bytes.len(),
            flags: 1 << 20,
            ..zeroed()
        };
        // SAFETY: the structure is right.
        let memh = made(|out| unsafe { memory::ucp_mem_map(pair.context, &raw const params, out) });
        let memh = memh.expect("a registration");
        assert_eq!(memory::ucp_mem_unmap(pair.context, memh), UcsStatus::OK);
        assert_eq!(flush(pair.ep, &with(plain(), 1 << 25)), 0);
        listen(pair.far, 1, Some(ignore), 0);
        assert_eq!(send(pair.ep, 1, &[], &[1], &flagged(1 << 9)), 0);
        assert_eq!(send(pair.ep, 1, &[], &[1], &with(plain(), 1 << 25)), 0);
        drain(pair.far);
        assert_eq!(close(pair.ep, 1 << 9), 0);
        mock.expect([Rule::UnknownBits; 8]);
        workers::ucp_worker_destroy(pair.near);
        workers::ucp_worker_destroy(pair.far);
        library::ucp_cleanup(pair.context);
    });
}

#[test]
fn a_memory_type_beyond_those_of_the_release_is_found() {
    alone_with(of_release(18), |mock| {
        let context = context();
        let bytes = [0; 8];
        let map = |memory_type| {
            let params = UcpMemMapParams {
                field_mask: UCP_MEM_MAP_PARAM_FIELD_ADDRESS
                    | UCP_MEM_MAP_PARAM_FIELD_LENGTH
                    | UCP_MEM_MAP_PARAM_FIELD_MEMORY_TYPE,
                address: bytes.as_ptr() as _,
                length: bytes.len(),
                memory_type,
                ..zeroed()
            };
            // SAFETY: the structure is right.
            made(|out| unsafe { memory::ucp_mem_map(context, &raw const params, out) })
        };
        // Nine types were known, so that nine is their UNKNOWN; ten is that of later releases.
        let memh = map(9).expect("a registration");
        assert_eq!(memory::ucp_mem_unmap(context, memh), UcsStatus::OK);
        assert_eq!(map(10), Err(UcsStatus::INVALID_PARAM));
        mock.breaks(Rule::MemoryType);
        library::ucp_cleanup(context);
    });
}

#[test]
fn a_memory_type_of_an_operation_is_looked_at_only_if_its_bit_is_set() {
    alone(|mock| {
        let pair = Pair::new();
        listen(pair.far, 1, Some(ignore), 0);
        let param = UcpRequestParam {
            memory_type: 77,
            ..plain()
        };
        assert_eq!(send(pair.ep, 1, &[], &[1], &param), 0);
        let param = with(param, UCP_OP_ATTR_FIELD_MEMORY_TYPE);
        let answer = send(pair.ep, 1, &[], &[1], &param);
        assert_eq!(answer, UcsStatus::INVALID_PARAM.to_ptr());
        mock.breaks(Rule::MemoryType);
        drain(pair.far);
        pair.end();
    });
}

#[test]
fn a_configuration_that_was_released_is_of_no_use() {
    alone(|mock| {
        let config = config();
        assert_eq!(modify(config, "RNDV_THRESH", "inf"), UcsStatus::OK);
        library::ucp_config_release(config);
        assert_eq!(
            modify(config, "RNDV_THRESH", "inf"),
            UcsStatus::INVALID_PARAM
        );
        mock.breaks(Rule::ConfigHandle);
        library::ucp_config_release(config);
        mock.breaks(Rule::ConfigHandle);
    });
}

#[test]
fn a_setting_with_the_prefix_of_the_environment_is_found() {
    alone(|mock| {
        let config = config();
        assert_eq!(
            modify(config, "UCX_RNDV_THRESH", "inf"),
            UcsStatus::INVALID_PARAM
        );
        mock.breaks(Rule::ConfigPrefix);
        assert_eq!(modify(config, "RNDV_THRESH", "inf"), UcsStatus::OK);
        library::ucp_config_release(config);
    });
}

#[test]
fn a_setting_of_the_process_is_noted_while_a_context_lives_and_not_before() {
    alone(|mock| {
        let config = config();
        assert_eq!(modify(config, "LOG_LEVEL", "error"), UcsStatus::OK);
        assert_eq!(mock.notes(Rule::ConfigGlobal), 0);
        let context = context();
        assert_eq!(modify(config, "RNDV_THRESH", "inf"), UcsStatus::OK);
        assert_eq!(mock.notes(Rule::ConfigGlobal), 0);
        assert_eq!(modify(config, "LOG_LEVEL", "error"), UcsStatus::OK);
        assert_eq!(mock.notes(Rule::ConfigGlobal), 1);
        library::ucp_cleanup(context);
        library::ucp_config_release(config);
    });
}

#[test]
fn a_context_is_live_and_is_a_context() {
    alone(|mock| {
        let context = context();
        let worker = worker(context, UCS_THREAD_MODE_SINGLE);
        library::ucp_cleanup(worker);
        mock.breaks(Rule::ContextHandle);
        workers::ucp_worker_destroy(worker);
        library::ucp_cleanup(context);
        library::ucp_cleanup(context);
        mock.breaks(Rule::ContextStale);
    });
}

#[test]
fn a_context_is_wanted_for_something() {
    alone(|mock| {
        let context = context_with(&zeroed());
        mock.breaks(Rule::ContextFeatures);
        library::ucp_cleanup(context);
        library::ucp_cleanup(context_of(0, 0));
    });
}

#[test]
fn what_outlives_its_context_is_found() {
    alone(|mock| {
        let context = context();
        let bytes = [0; 8];
        register(context, &bytes);
        worker(context, UCS_THREAD_MODE_SINGLE);
        library::ucp_cleanup(context);
        mock.expect([Rule::ContextMemory, Rule::ContextWorkers]);
        mock.leaves(Kind::Worker, 1);
        mock.leaves(Kind::MemoryHandle, 1);
    });
}

#[test]
fn what_was_given_back_in_time_is_not_found_and_neither_is_what_belongs_to_another_context() {
    alone(|_| {
        let (first, second) = (context(), context());
        let bytes = [0; 8];
        let memh = register(first, &bytes);
        let worker = worker(first, UCS_THREAD_MODE_SINGLE);
        library::ucp_cleanup(second);
        workers::ucp_worker_destroy(worker);
        assert_eq!(memory::ucp_mem_unmap(first, memh), UcsStatus::OK);
        library::ucp_cleanup(first);
    });
}
