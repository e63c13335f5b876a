//! A finding for the tests of what is done with findings.

use super::{Finding, Stability, StackFrame};
use crate::oracle::Oracle;

/// A lost registration with this fingerprint, shown by these faults.
pub(crate) fn sample(fingerprint: &str, faults: &str) -> Finding {
    let frame = |module: &str, function: &str, nixl| StackFrame {
        module: module.to_owned(),
        function: Some(function.to_owned()),
        nixl,
    };
    Finding {
        id: fingerprint.to_owned(),
        fingerprint: fingerprint.to_owned(),
        family: "family".to_owned(),
        oracle: Oracle::Lost,
        rule: Some("UCP-CTX-004".to_owned()),
        object: "memory_handle".to_owned(),
        count: 1,
        evidence: vec!["context #1, which it belongs to, ended".to_owned()],
        created: vec![
            frame("libplugin_UCX.so", "nixlUcxContext::memReg", true),
            frame("libnixl.so", "nixlAgent::registerMem", true),
            frame("mock-ucx", "a", false),
            frame("mock-ucx", "b", false),
            frame("libc.so", "c", false),
        ],
        ended: Vec::new(),
        called: Vec::new(),
        operation: Some("register a0 r0".to_owned()),
        scenario: "name lost\nagent a0\n".to_owned(),
        decisions: vec![faults.to_owned()],
        faults: faults.to_owned(),
        nixl: "1.5.1".to_owned(),
        ucx_version: "1.22.0".to_owned(),
        stability: Stability { shown: 1, of: 1 },
        message: "memory_handle #2 is lost.".to_owned(),
        minimal: false,
        cause_is_certain: false,
        known: None,
        certificate: None,
        otherwise: Vec::new(),
    }
}
