//! What an agent does with memory and messages: register, query, connect, notify.

use super::args::opt;
use super::owned::c_string;
use super::{Agent, Answer, NotifMap, OptArgs, QueryRespList, RegDlist, Status};

impl Agent {
    /// Registers the ranges of a list.
    pub fn register(&self, descriptors: &RegDlist, args: Option<&OptArgs>) -> Answer<Status> {
        // SAFETY: agent, list and arguments are alive; who added the ranges vouched for them.
        unsafe {
            self.api
                .register_mem(self.raw(), descriptors.raw, opt(args))
        }
    }

    /// Deregisters the ranges of a list.
    pub fn deregister(&self, descriptors: &RegDlist, args: Option<&OptArgs>) -> Answer<Status> {
        // SAFETY: agent, list and arguments are alive.
        unsafe {
            self.api
                .deregister_mem(self.raw(), descriptors.raw, opt(args))
        }
    }

    /// Asks a backend about the ranges of a list; the answers replace those in `answers`.
    pub fn query(
        &self,
        descriptors: &RegDlist,
        answers: &mut QueryRespList,
        args: Option<&OptArgs>,
    ) -> Answer<Status> {
        // SAFETY: agent, lists and arguments are alive.
        unsafe {
            self.api
                .query_mem(self.raw(), descriptors.raw, answers.raw, opt(args))
        }
    }

    /// Connects to a peer ahead of the first transfer.
    pub fn make_connection(&self, remote: &str, args: Option<&OptArgs>) -> Answer<Status> {
        let remote = c_string(remote)?;
        // SAFETY: agent and arguments are alive and the name is a string.
        unsafe {
            self.api
                .agent_make_connection(self.raw(), remote.as_ptr(), opt(args))
        }
    }

    /// Sends a message that belongs to no transfer.
    pub fn notify(&self, remote: &str, message: &[u8], args: Option<&OptArgs>) -> Answer<Status> {
        let remote = c_string(remote)?;
        let (data, len) = (message.as_ptr().cast(), message.len());
        // SAFETY: agent and arguments are alive, the name is a string, the bytes are copied.
        unsafe {
            self.api
                .gen_notif(self.raw(), remote.as_ptr(), data, len, opt(args))
        }
    }

    /// Polls: makes progress, and appends what arrived to `notifications`.
    pub fn notifications(
        &self,
        notifications: &mut NotifMap,
        args: Option<&OptArgs>,
    ) -> Answer<Status> {
        // SAFETY: agent, map and arguments are alive.
        unsafe {
            self.api
                .get_notifs(self.raw(), notifications.raw, opt(args))
        }
    }
}
