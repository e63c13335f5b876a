//! The differences between the mock and the real UCX that stay, each with its reason.

use crate::compare::Difference;

/// A difference that may be, and must be there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowed {
    /// Name of the client or scenario.
    pub(crate) program: &'static str,
    /// Lines that only the mock prints.
    pub(crate) mock: &'static [&'static str],
    /// Lines that only the real UCX prints.
    pub(crate) real: &'static [&'static str],
    /// Why both are right.
    pub(crate) reason: &'static str,
    /// The heading in `docs/faithfulness.md` under which it is explained.
    pub(crate) section: &'static str,
}

impl Allowed {
    /// Whether this is the difference that is meant.
    pub(crate) fn allows(&self, difference: &Difference) -> bool {
        self.program == difference.program
            && self.mock == difference.mock
            && self.real == difference.real
    }
}

const AT_ONCE: &str = "Completion inside the call";
const ODD: &str = "Arguments that mean nothing";
const GONE: &str = "Endpoints to workers that are gone";
const LISTS: &str = "Lists in active messages";
const REFUSED: &str = "Checks that a release build leaves out";

/// All of them, by program.
pub(crate) const ALLOWED: &[Allowed] = &[
    Allowed {
        program: "callback_bits",
        mock: &["callback: OK, user data null"],
        real: &["callback: OK, user data set"],
        reason: "a callback that runs inside the call is handed a member whose bit is clear, one that runs later is not",
        section: ODD,
    },
    Allowed {
        program: "caller_requests",
        mock: &["callback: OK, for the client's request"],
        real: &[],
        reason: "the mock's get is complete in its call, and its callback runs there",
        section: AT_ONCE,
    },
    Allowed {
        program: "caller_requests",
        mock: &[],
        real: &["callback: OK, for the client's request"],
        reason: "over shared memory a get is carried out by progress, and its callback runs there",
        section: AT_ONCE,
    },
    Allowed {
        program: "first_operations",
        mock: &["get: NULL, ends with OK"],
        real: &["get: REQUEST, ends with OK"],
        reason: "over shared memory a get is carried out by progress",
        section: AT_ONCE,
    },
    Allowed {
        program: "force_immediate",
        mock: &["put of 65536: NULL, ends with OK"],
        real: &["put of 65536: ERR_NO_RESOURCE, ends with ERR_NO_RESOURCE"],
        reason: "the longest put without a request depends on the transport",
        section: AT_ONCE,
    },
    Allowed {
        program: "list_of_nothing",
        mock: &["put: ends with OK"],
        real: &["put: ends with ERR_IO_ERROR"],
        reason: "zero-copy over shared memory does not expect no bytes, and fails the endpoint",
        section: ODD,
    },
    Allowed {
        program: "list_of_nothing",
        mock: &["flush: ends with OK"],
        real: &["flush: ends with ERR_CONNECTION_RESET"],
        reason: "the endpoint failed with the put before",
        section: ODD,
    },
    Allowed {
        program: "memory_flags",
        mock: &["past the end of the address space: ERR_INVALID_PARAM"],
        real: &["past the end of the address space: OK", "unmap: OK"],
        reason: "without a device nothing looks at the range",
        section: ODD,
    },
    Allowed {
        program: "own_worker",
        mock: &["flush: NULL, ends with OK"],
        real: &["flush: REQUEST, ends with OK"],
        reason: "one lane of such an endpoint completes a flush in progress only",
        section: AT_ONCE,
    },
    Allowed {
        program: "protocols",
        mock: &["message of 100000"],
        real: &[],
        reason: "the mock sends a list eagerly, so the sender is done before the message arrives",
        section: LISTS,
    },
    Allowed {
        program: "protocols",
        mock: &[],
        real: &["message of 100000, to be fetched"],
        reason: "UCX sends a list by rendezvous when it is told to",
        section: LISTS,
    },
    Allowed {
        program: "put_get",
        mock: &["get: NULL, ends with OK"],
        real: &["get: REQUEST, ends with OK"],
        reason: "over shared memory a get is carried out by progress",
        section: AT_ONCE,
    },
    Allowed {
        program: "put_get",
        mock: &["put: NULL, ends with OK"],
        real: &["put: REQUEST, ends with OK"],
        reason: "over shared memory a long put is carried out by progress",
        section: AT_ONCE,
    },
    Allowed {
        program: "refused",
        mock: &["descriptor without the feature: ERR_INVALID_PARAM"],
        real: &["descriptor without the feature: OK"],
        reason: "the check of features is compiled out, and the descriptor is -1",
        section: REFUSED,
    },
    Allowed {
        program: "refused",
        mock: &["handler with too large an id: ERR_INVALID_PARAM"],
        real: &["handler with too large an id: OK"],
        reason: "the check of the id is compiled out, and messages with that id cannot be sent",
        section: REFUSED,
    },
    Allowed {
        program: "stale_address",
        mock: &[
            "endpoint: OK",
            "message: ends with ERR_CONNECTION_RESET",
            "error handler: ERR_CONNECTION_RESET",
            "flush: ends with ERR_CONNECTION_RESET",
            "close: ends with OK",
            "the handler ran 1 times",
        ],
        real: &["endpoint: ERR_UNREACHABLE"],
        reason: "on one host a closed port refuses at once",
        section: GONE,
    },
];
