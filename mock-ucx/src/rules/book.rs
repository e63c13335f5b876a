//! The rules that the mock can see broken. Ids are those of UCX's contract as we wrote it down; they never change their meaning.

/// How bad it is to break a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Undefined behaviour in a release build of UCX.
    Undefined,
    /// Something is never given back.
    Leak,
    /// Two threads where UCX expects one.
    Race,
    /// The call is refused or means nothing.
    Contract,
}

impl Severity {
    /// Name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Undefined => "undefined behaviour",
            Severity::Leak => "leak",
            Severity::Race => "race",
            Severity::Contract => "contract",
        }
    }
}

/// What a rule rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// Said in UCX's headers.
    Doc,
    /// Read in UCX's code.
    Code,
    /// One of UCX's own tests relies on it.
    Test,
    /// Follows from both, though nobody says it.
    Inferred,
}

impl Basis {
    /// Name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Basis::Doc => "doc",
            Basis::Code => "code",
            Basis::Test => "test",
            Basis::Inferred => "inferred",
        }
    }
}

/// One rule.
#[derive(Debug)]
pub struct RuleInfo {
    /// Stable id.
    pub id: &'static str,
    /// What holds, as a sentence.
    pub statement: &'static str,
    /// How bad it is to break it.
    pub severity: Severity,
    /// What it rests on.
    pub basis: Basis,
    /// UCX file and function (v1.22).
    pub source: &'static str,
    /// What to do about it.
    pub hint: &'static str,
}

macro_rules! book {
    ($($name:ident, $id:literal, $severity:ident, $basis:ident, $source:literal, $statement:literal, $hint:literal;)*) => {
        /// A rule; the number is the index into [`BOOK`].
        #[repr(u16)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs, reason = "each is described by its entry in BOOK")]
        pub enum Rule { $($name),* }

        /// All rules.
        pub static BOOK: &[(Rule, RuleInfo)] = &[$((Rule::$name, RuleInfo {
            id: $id, statement: $statement, severity: Severity::$severity, basis: Basis::$basis, source: $source, hint: $hint,
        })),*];
    };
}

book! {
    ArgumentNull, "UCP-ARG-001", Undefined, Code, "every function of ucp.h",
        "A pointer that UCX reads or writes is not null.", "Pass the address of a variable or structure of yours.";
    ConfigLeak, "UCP-CFG-001", Leak, Doc, "ucp.h:ucp_config_read",
        "Each successful ucp_config_read needs exactly one ucp_config_release.", "Release the configuration after ucp_init, on every path.";
    ConfigHandle, "UCP-CFG-002", Undefined, Code, "core/ucp_context.c:ucp_config_release",
        "A configuration that is modified, used or released is one that was read and not yet released.", "Release it once, after the last use.";
    ContextHandle, "UCP-CTX-001", Undefined, Doc, "ucp.h:ucp_cleanup",
        "A context argument is a live context.", "Pass what ucp_init returned with UCS_OK.";
    ContextFeatures, "UCP-CTX-002", Contract, Doc, "ucp.h:ucp_params_t",
        "The parameters of ucp_init name at least one feature.", "Set UCP_PARAM_FIELD_FEATURES and a feature.";
    ContextWorkers, "UCP-CTX-003", Undefined, Code, "core/ucp_worker.c:ucp_worker_destroy",
        "Every worker of a context is destroyed before ucp_cleanup.", "Destroy the workers first.";
    ContextMemory, "UCP-CTX-004", Leak, Doc, "ucp.h:ucp_cleanup",
        "Every memory handle is unmapped before ucp_cleanup.", "Unmap it on every path, the failing ones too.";
    ContextStale, "UCP-CTX-006", Undefined, Doc, "ucp.h:ucp_cleanup",
        "After ucp_cleanup nothing derived from that context is used.", "Clean the context up last, and once.";
    ContextFeature, "UCP-CTX-007", Contract, Code, "core/ucp_context.h:UCP_CONTEXT_CHECK_FEATURE_FLAGS",
        "A function family is called only if its feature was requested.", "Add the feature to ucp_params_t.features.";
    WorkerHandle, "UCP-WRK-001", Undefined, Doc, "ucp.h:ucp_worker_destroy",
        "A worker argument is a live worker, used with objects of its own tree.", "Pass what ucp_worker_create returned with UCS_OK.";
    WorkerTwice, "UCP-WRK-002", Undefined, Doc, "ucp.h:ucp_worker_destroy",
        "A worker is destroyed once, and never from inside a callback that it runs.", "Destroy it once, from outside.";
    WorkerEndpoints, "UCP-WRK-003", Leak, Code, "core/ucp_worker.c:ucp_worker_destroy_eps",
        "Endpoints are closed before their worker is destroyed.", "Close each endpoint and drive the close request to its end.";
    WorkerRequests, "UCP-WRK-004", Leak, Code, "core/ucp_request.c:ucp_request_free",
        "Every request handle is released before its worker is destroyed.", "Free each request that a call returned, also when it failed or was cancelled.";
    AddressRelease, "UCP-ADDR-001", Leak, Doc, "ucp.h:ucp_worker_release_address",
        "Each address got from a worker is released once, by ucp_worker_release_address with that worker.", "Release it after it was sent or copied.";
    AddressBlob, "UCP-ADDR-003", Undefined, Code, "core/ucp_ep.c:ucp_ep_create_api_to_worker_addr",
        "The address given to ucp_ep_create is a complete, unmodified worker address.", "Send all address_length bytes and nothing else.";
    WakeupFeature, "UCP-WAK-001", Contract, Code, "core/ucp_worker.c:ucp_worker_get_efd",
        "Event descriptor, arm, wait and signal need UCP_FEATURE_WAKEUP.", "Request the feature at ucp_init.";
    EndpointHandle, "UCP-EP-001", Undefined, Doc, "ucp_def.h:ucp_ep_h",
        "An endpoint argument is a live endpoint, used with objects of its own worker.", "Pass what ucp_ep_create returned with UCS_OK.";
    EndpointTarget, "UCP-EP-002", Contract, Code, "core/ucp_ep.c:ucp_ep_create",
        "ucp_ep_create is told a destination.", "Set UCP_EP_PARAM_FIELD_REMOTE_ADDRESS and the address.";
    EndpointForce, "UCP-EP-004", Contract, Code, "core/ucp_ep.c:ucp_ep_close_nbx",
        "A forced close needs an endpoint with error handling; otherwise the call is refused and the endpoint stays open.",
        "Create it with UCP_ERR_HANDLING_MODE_PEER, or close it without FORCE.";
    EndpointTwice, "UCP-EP-005", Undefined, Code, "core/ucp_ep.c:ucp_ep_close_nbx",
        "An endpoint is closed at most once.", "Forget the handle when you close it.";
    EndpointClosed, "UCP-EP-006", Undefined, Doc, "ucp.h:ucp_ep_close_nbx",
        "From the call of close on, the endpoint is not used.", "Finish or cancel what uses it first.";
    EndpointPerf, "UCP-EP-016", Contract, Code, "core/ucp_ep.c:ucp_ep_evaluate_perf",
        "ucp_ep_evaluate_perf is asked for the estimated time.", "Set UCP_EP_PERF_ATTR_FIELD_ESTIMATED_TIME.";
    MemoryHandle, "UCP-MEM-001", Undefined, Doc, "ucp.h:ucp_mem_unmap",
        "A memory handle argument is live and belongs to the context of the call.", "Pass what ucp_mem_map returned on that context.";
    MemoryLength, "UCP-MEM-002", Contract, Code, "core/ucp_mm.c:ucp_mem_map",
        "ucp_mem_map is told a length.", "Set UCP_MEM_MAP_PARAM_FIELD_LENGTH.";
    MemoryFlags, "UCP-MEM-003", Contract, Doc, "ucp.h:ucp_mem_map",
        "A null address with a length needs UCP_MEM_MAP_ALLOCATE, FIXED needs ALLOCATE and a page-aligned address, and NONBLOCK excludes LOCK.", "See the table at ucp_mem_map in ucp.h.";
    MemoryInUse, "UCP-MEM-004", Undefined, Doc, "ucp.h:ucp_mem_unmap; dt/datatype_iter.inl (operations keep the handle without a reference)",
        "A memory handle is not unmapped while an operation that was given it is under way.", "Wait for the completion: a request that was freed or cancelled is not a completed operation.";
    MemoryInRemoteUse, "UCP-MEM-005", Undefined, Doc, "ucp.h:ucp_mem_unmap",
        "Memory is not unmapped while a peer's operation reads or writes it.", "Let the peer tell that it is done, then unmap.";
    MemoryTwice, "UCP-MEM-006", Undefined, Code, "core/ucp_mm.c:ucp_mem_unmap",
        "A memory handle is unmapped exactly once.", "Forget the handle when you unmap it.";
    MemoryRange, "UCP-MEM-008", Contract, Code, "dt/datatype_iter.c:ucp_datatype_iter_is_user_memh_valid",
        "A buffer given with a memory handle lies inside the range that was mapped.", "Pass the handle of the registration that holds the buffer.";
    RkeyBuffer, "UCP-RKEY-001", Leak, Doc, "ucp_compat.h:ucp_rkey_buffer_release",
        "A packed remote key is released once, with ucp_rkey_buffer_release.", "Release it after it was sent or copied.";
    RkeyBlob, "UCP-RKEY-002", Undefined, Doc, "ucp.h:ucp_ep_rkey_unpack",
        "The buffer given to unpack is a whole, unmodified result of pack.", "Send all the bytes that ucp_rkey_pack returned.";
    RkeyEndpoint, "UCP-RKEY-003", Undefined, Doc, "ucp.h:ucp_ep_rkey_unpack",
        "A remote key is used only on the endpoint on which it was unpacked.", "Unpack it once for each endpoint.";
    RkeyHandle, "UCP-RKEY-004", Undefined, Doc, "ucp.h:ucp_rkey_destroy",
        "A remote key argument is live, came from unpack, and is destroyed once.", "Destroy it once, after the last transfer.";
    RkeyInUse, "UCP-RKEY-005", Undefined, Doc, "ucp.h:ucp_rkey_destroy",
        "A remote key is not destroyed while an operation that uses it is outstanding, a freed one included.", "Flush the endpoint first.";
    RkeyWorker, "UCP-RKEY-006", Leak, Code, "core/ucp_rkey.c:ucp_rkey_destroy",
        "All remote keys are destroyed before their worker.", "Destroy the keys of an endpoint before you close it.";
    RkeyUnmapped, "UCP-RKEY-007", Undefined, Doc, "ucp.h:ucp_mem_unmap",
        "Once the peer has unmapped the memory, the remote key may only be destroyed.", "Tell the peer before you unmap.";
    RmaRange, "UCP-RMA-001", Undefined, Doc, "ucp.h:ucp_put_nbx",
        "A remote access lies inside the region for which the remote key was packed.", "Check the remote address and length against the registration.";
    RmaBusyBuffer, "UCP-RMA-002", Undefined, Doc, "ucp.h:ucp_put_nbx, ucp_get_nbx",
        "The buffers of a transfer stay as they are, and stay mapped, until it completes.", "Free or reuse the buffer after the completion, not after the request was freed or cancelled.";
    RmaBuffer, "UCP-RMA-010", Contract, Code, "rma/rma_send.c:UCP_RMA_CHECK_PTR",
        "A transfer of more than zero bytes has a buffer.", "Pass the buffer.";
    SglArguments, "UCP-RMA-007", Contract, Code, "rma/rma_send.c:UCP_PUT_SGL_CHECK_PARAMS",
        "A scatter-gather put passes both lists, equal lengths, and UCP_REMOTE_ADDR_INVALID and UCP_RKEY_INVALID.", "See ucp_dt_local_sgl_t in ucp.h.";
    RequestHandle, "UCP-REQ-001", Undefined, Code, "ucs/type/status.h:UCS_PTR_IS_PTR",
        "A request argument is a handle: neither null nor an error pointer nor anything else.", "Look at UCS_PTR_IS_PTR before you use what a call returned.";
    RequestTwice, "UCP-REQ-002", Undefined, Doc, "ucp.h:ucp_request_free",
        "Each request handle is released exactly once.", "Forget the handle when you free it.";
    RequestFreed, "UCP-REQ-003", Undefined, Doc, "ucp.h:ucp_request_free",
        "A request is not looked at after it was freed.", "Look at its status before you free it.";
    RequestWorker, "UCP-REQ-006", Undefined, Code, "core/ucp_request.c:ucp_request_cancel",
        "A request is cancelled on the worker that owns it.", "Pass that worker.";
    RequestCallback, "UCP-REQ-011", Undefined, Code, "core/ucp_request.inl:ucp_request_cb_param",
        "An operation attribute that says a member is set comes with a member that is not null.", "Set the member or clear its bit.";
    CallbackProgress, "UCP-CB-001", Undefined, Code, "core/ucp_worker.c:ucp_worker_progress",
        "A callback of a worker does not progress that worker.", "Leave the progress to the caller.";
    CallbackUnwinds, "UCP-CB-004", Undefined, Inferred, "ucp_def.h:ucp_send_nbx_callback_t",
        "No exception leaves a callback.", "Catch it inside.";
    AmId, "UCP-AM-001", Contract, Code, "core/ucp_am.c:ucp_am_check_id",
        "The id of an active message is at most 65535.", "Use a smaller id.";
    AmHandler, "UCP-AM-002", Contract, Code, "core/ucp_am.c:ucp_worker_set_am_recv_handler",
        "A handler is registered with its id and callback.", "Set UCP_AM_HANDLER_PARAM_FIELD_ID and _CB.";
    AmHeader, "UCP-AM-005", Contract, Code, "core/ucp_am.c:ucp_am_check_header_length",
        "The header of an active message is null exactly if its length is zero, and no longer than max_am_header.", "Ask ucp_worker_query for the limit.";
    AmFlags, "UCP-AM-007", Contract, Doc, "ucp.h:ucp_send_am_flags",
        "EAGER and RNDV exclude each other.", "Set one of them, or none.";
    AmReturn, "UCP-AM-008", Undefined, Code, "core/ucp_am.c:ucp_am_handler_common",
        "A receive callback returns INPROGRESS only if it may keep the data, and an error only for a rendezvous.", "Look at recv_attr first.";
    AmData, "UCP-AM-009", Leak, Doc, "ucp.h:ucp_am_data_release",
        "Data that a receive callback kept is given back exactly once, on its worker, before that is destroyed.", "Call ucp_am_data_release, or ucp_am_recv_data_nbx.";
    AmReceive, "UCP-AM-012", Undefined, Code, "core/ucp_am.c:ucp_am_recv_data_nbx",
        "The receive buffer of a rendezvous holds the announced length.", "Allocate what the callback's length says.";
    ListHandle, "UCP-DEV-001", Undefined, Code, "core/ucp_device.c:ucp_device_mem_list_release",
        "A device memory list is live and released exactly once.", "Release what create returned, once.";
    ListElements, "UCP-DEV-002", Contract, Code, "core/ucp_device.c",
        "A device memory list is told its elements, their size and number, and a handle for each.", "See ucp_host.h.";
    Inherited, "UCP-PROC-001", Undefined, Code, "ucs/async/thread.c:ucs_async_thread_start (a fork ends the thread and nothing starts it again), uct/ib/base/ib_md.c:uct_ib_fork_warn",
        "An object is not used in a process forked from the one that made it.", "Create a context of its own in the child.";
}

impl Rule {
    /// The rule with this number.
    pub fn from_number(number: u16) -> Option<Rule> {
        BOOK.get(usize::from(number)).map(|(rule, _)| *rule)
    }

    /// What is known about it.
    pub fn info(self) -> &'static RuleInfo {
        &BOOK[self as usize].1
    }

    /// Its id.
    pub fn id(self) -> &'static str {
        self.info().id
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn ids_are_unique_and_well_formed() {
        let ids: BTreeSet<_> = BOOK.iter().map(|(_, info)| info.id).collect();
        assert_eq!(ids.len(), BOOK.len());
        assert!(ids.iter().all(|id| id.starts_with("UCP-")));
    }
}
