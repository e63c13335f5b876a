//! Transfers: prepared lists, requests and views of memory.

use std::ffi::c_int;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::agent::AgentSlot;
use super::args::opt;
use super::owned::c_string;
use super::raw::{RawAgent, RawMemView, RawXferDlistHandle, RawXferReq, Telemetry};
use super::{Agent, Answer, Api, Backend, CallError, OptArgs, RemoteDlist, Status, XferDlist};

/// The direction of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum XferOp {
    /// From the remote side to the local one.
    Read,
    /// From the local side to the remote one.
    Write,
}

impl XferOp {
    fn code(self) -> c_int {
        match self {
            XferOp::Read => 0,
            XferOp::Write => 1,
        }
    }
}

/// What a transfer is expected to cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Expected duration.
    pub duration_us: i64,
    /// How far that may be off.
    pub error_margin_us: i64,
    /// The raw code of the method that estimated it; 0 is the backend's own analysis.
    pub method: i32,
}

/// A descriptor list that an agent prepared for one side of transfers.
pub struct XferDlistHandle {
    api: &'static Api,
    agent: AgentSlot,
    raw: *mut RawXferDlistHandle,
}

/// A transfer request. Its end has two steps: release at the agent, then destroy.
pub struct XferReq {
    api: &'static Api,
    agent: AgentSlot,
    raw: *mut RawXferReq,
    released: bool,
}

/// A view of memory that device code uses. From 1.5.0 on.
pub struct MemView {
    api: &'static Api,
    agent: AgentSlot,
    raw: *mut RawMemView,
}

// SAFETY: the objects behind the pointers belong to no thread.
unsafe impl Send for XferDlistHandle {}
// SAFETY: as above.
unsafe impl Send for XferReq {}
// SAFETY: as above.
unsafe impl Send for MemView {}

impl Agent {
    /// Prepares a list: for the local side under `owner` = an empty name, else under the peer's.
    pub fn prepare(
        &self,
        owner: &str,
        list: &XferDlist,
        args: Option<&OptArgs>,
    ) -> Answer<XferDlistHandle> {
        let owner = c_string(owner)?;
        let mut raw = ptr::null_mut();
        // SAFETY: agent, list and arguments are alive, the name is a string, `raw` a place for the handle.
        unsafe {
            self.api
                .prep_xfer_dlist(self.raw(), owner.as_ptr(), list.raw, &mut raw, opt(args))
        }?;
        Ok(XferDlistHandle {
            api: self.api,
            agent: Arc::clone(&self.slot),
            raw,
        })
    }

    /// Makes a request from entries of two prepared lists.
    pub fn make_request(
        &self,
        operation: XferOp,
        (local, local_indices): (&XferDlistHandle, &[c_int]),
        (remote, remote_indices): (&XferDlistHandle, &[c_int]),
        args: Option<&OptArgs>,
    ) -> Answer<XferReq> {
        let mut raw = ptr::null_mut();
        // SAFETY: agent, handles and arguments are alive, the indices are copied, `raw` is a place for the request.
        unsafe {
            self.api.make_xfer_req(
                self.raw(),
                operation.code(),
                local.raw,
                local_indices.as_ptr(),
                local_indices.len(),
                remote.raw,
                remote_indices.as_ptr(),
                remote_indices.len(),
                &mut raw,
                opt(args),
            )
        }?;
        Ok(XferReq {
            api: self.api,
            agent: Arc::clone(&self.slot),
            raw,
            released: false,
        })
    }

    /// Makes a request from two lists. Every failure is `BACKEND`, whatever NIXL's own status was.
    pub fn create_request(
        &self,
        operation: XferOp,
        local: &XferDlist,
        remote: &XferDlist,
        peer: &str,
        args: Option<&OptArgs>,
    ) -> Answer<XferReq> {
        let peer = c_string(peer)?;
        let (agent, operation, mut raw) = (self.raw(), operation.code(), ptr::null_mut());
        // SAFETY: agent, lists and arguments are alive, the name is a string, `raw` a place for the request.
        unsafe {
            self.api.create_xfer_req(
                agent,
                operation,
                local.raw,
                remote.raw,
                peer.as_ptr(),
                &mut raw,
                opt(args),
            )
        }?;
        Ok(XferReq {
            api: self.api,
            agent: Arc::clone(&self.slot),
            raw,
            released: false,
        })
    }

    /// A view of local memory. From 1.5.0 on.
    pub fn view_local(&self, list: &XferDlist, args: Option<&OptArgs>) -> Answer<MemView> {
        let mut raw = ptr::null_mut();
        // SAFETY: agent, list and arguments are alive and `raw` is a place for the view.
        unsafe {
            self.api
                .prep_mem_view_local(self.raw(), list.raw, &mut raw, opt(args))
        }?;
        Ok(MemView {
            api: self.api,
            agent: Arc::clone(&self.slot),
            raw,
        })
    }

    /// A view of remote memory. From 1.5.0 on.
    pub fn view_remote(&self, list: &RemoteDlist, args: Option<&OptArgs>) -> Answer<MemView> {
        let mut raw = ptr::null_mut();
        // SAFETY: agent, list and arguments are alive and `raw` is a place for the view.
        unsafe {
            self.api
                .prep_mem_view_remote(self.raw(), list.raw, &mut raw, opt(args))
        }?;
        Ok(MemView {
            api: self.api,
            agent: Arc::clone(&self.slot),
            raw,
        })
    }
}

impl XferReq {
    fn agent(&self) -> *mut RawAgent {
        self.agent.load(Ordering::Acquire)
    }

    /// Refuses what NIXL does not check itself: it follows the null that a release leaves.
    fn unreleased(&self, function: &'static str) -> Answer<()> {
        if self.released {
            Err(CallError::Released { function })
        } else {
            Ok(())
        }
    }

    /// Starts the transfer, or starts it again.
    pub fn post(&mut self, args: Option<&OptArgs>) -> Answer<Status> {
        // SAFETY: request and arguments are alive, the agent alive or null; who added the ranges vouched for them.
        unsafe { self.api.post_xfer_req(self.agent(), self.raw, opt(args)) }
    }

    /// Makes progress and tells how far the transfer is.
    pub fn status(&self) -> Answer<Status> {
        self.unreleased("nixl_capi_get_xfer_status")?;
        // SAFETY: the request is alive, the agent alive or null.
        unsafe { self.api.get_xfer_status(self.agent(), self.raw) }
    }

    /// What NIXL measured, if the agent was told to.
    pub fn telemetry(&self) -> Answer<Telemetry> {
        self.unreleased("nixl_capi_get_xfer_telemetry")?;
        let mut telemetry = Telemetry::default();
        // SAFETY: as above, and `telemetry` is a place for the answer.
        unsafe {
            self.api
                .get_xfer_telemetry(self.agent(), self.raw, &mut telemetry)
        }?;
        Ok(telemetry)
    }

    /// What the transfer is expected to cost.
    pub fn estimate(&self, args: Option<&OptArgs>) -> Answer<Cost> {
        self.unreleased("nixl_capi_estimate_xfer_cost")?;
        let (mut duration_us, mut error_margin_us, mut method) = (0, 0, 0);
        let (agent, args) = (self.agent(), opt(args));
        // SAFETY: as above, and the others are places for the answers.
        unsafe {
            self.api.estimate_xfer_cost(
                agent,
                self.raw,
                args,
                &mut duration_us,
                &mut error_margin_us,
                &mut method,
            )
        }?;
        Ok(Cost {
            duration_us,
            error_margin_us,
            method,
        })
    }

    /// The backend that NIXL chose.
    pub fn backend(&self) -> Answer<Backend> {
        self.unreleased("nixl_capi_query_xfer_backend")?;
        let mut raw = ptr::null_mut();
        // SAFETY: as above, and `raw` is a place for a handle of its own.
        unsafe {
            self.api
                .query_xfer_backend(self.agent(), self.raw, &mut raw)
        }?;
        Ok(Backend { api: self.api, raw })
    }

    /// `nixl_capi_release_xfer_req`: gives the transfer back to the agent. It may be asked again after a
    /// failure; after a success NIXL answers `INVALID_PARAM`.
    pub fn release(&mut self) -> Answer<Status> {
        // SAFETY: the request is alive, the agent alive or null.
        let status = unsafe { self.api.release_xfer_req(self.agent(), self.raw) }?;
        self.released = status == Status::Success;
        Ok(status)
    }

    /// `nixl_capi_destroy_xfer_req`. A request that was not released is refused with `INVALID_STATE`;
    /// it comes back with the error, to be released after all or given up.
    pub fn destroy(mut self) -> Result<(), (CallError, XferReq)> {
        let raw = std::mem::replace(&mut self.raw, ptr::null_mut());
        // SAFETY: the request is alive and ours.
        match unsafe { self.api.destroy_xfer_req(raw) } {
            Ok(_) => Ok(()),
            Err(error) => {
                self.raw = raw;
                Err((error, self))
            }
        }
    }

    /// Forgets the request without a call, as a client that loses it does.
    pub fn forget(mut self) {
        self.raw = ptr::null_mut();
    }
}

impl Drop for XferReq {
    fn drop(&mut self) {
        if !self.raw.is_null() {
            let _ = self.release();
            // SAFETY: the request is alive and ours. If the release failed NIXL refuses, and it stays.
            let _ = unsafe { self.api.destroy_xfer_req(self.raw) };
        }
    }
}

impl XferDlistHandle {
    /// `nixl_capi_release_xfer_dlist_handle`. The handle is gone whatever the answer is, unless its agent is.
    pub fn release(mut self) -> Answer<Status> {
        self.end()
    }

    fn end(&mut self) -> Answer<Status> {
        let raw = std::mem::replace(&mut self.raw, ptr::null_mut());
        // SAFETY: the handle is alive and ours, the agent alive or null.
        unsafe {
            self.api
                .release_xfer_dlist_handle(self.agent.load(Ordering::Acquire), raw)
        }
    }
}

impl Drop for XferDlistHandle {
    fn drop(&mut self) {
        if !self.raw.is_null() {
            // A failure cannot be told to anyone.
            let _ = self.end();
        }
    }
}

impl MemView {
    /// `nixl_capi_release_mem_view`.
    pub fn release(mut self) -> Answer<Status> {
        self.end()
    }

    fn end(&mut self) -> Answer<Status> {
        let raw = std::mem::replace(&mut self.raw, ptr::null_mut());
        // SAFETY: the view is alive and ours, the agent alive or null.
        unsafe {
            self.api
                .release_mem_view(self.agent.load(Ordering::Acquire), raw)
        }
    }
}

impl Drop for MemView {
    fn drop(&mut self) {
        if !self.raw.is_null() {
            // A failure cannot be told to anyone.
            let _ = self.end();
        }
    }
}
