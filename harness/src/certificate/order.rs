//! Which calls of the real UCX have to be interfered with so that the faults of a finding happen there.

use mock_ucx::ledger::Kind;
use mock_ucx::schedule::{Choice, Fault, FaultSpec, Move, Point};

use super::{How, Interference};

/// The interferences that stand for the faults; in their order.
///
/// # Errors
/// What the fault decides cannot be made to happen from outside the real UCX: a clause that says why.
pub fn interferences(faults: &FaultSpec) -> Result<Vec<Interference>, String> {
    faults.faults.iter().map(interference).collect()
}

fn interference(fault: &Fault) -> Result<Interference, String> {
    let cannot = |why: &str| Err(format!("`{fault}` {why}"));
    if fault.occurrences.last != Some(fault.occurrences.first) {
        return cannot("happens more than once");
    }
    if fault.thread.is_some() || fault.per_mille.is_some() || fault.choices.len() != 1 {
        return cannot("depends on more than the number of a call");
    }
    let (function, how) = match (fault.point, fault.choices[0]) {
        (Point::Call(function), Choice::Status(status)) => (function.name(), How::Answer(status.0)),
        (Point::Move(which), choice) => {
            let function = operation(which);
            let how = match choice {
                Choice::Status(status) => Some(How::CompleteWith(status.0)),
                Choice::After(calls) => Some(How::CompleteAfter(calls)),
                _ => None,
            };
            match (function, how) {
                (Some(function), Some(how)) => (function, how),
                _ => return cannot("is decided inside UCX, not by a call that could be answered"),
            }
        }
        _ => return cannot("leaves UCX as it is"),
    };
    let endpoint = match fault.object {
        None => None,
        Some(object) if object.kind == Kind::Endpoint => Some(object.ordinal),
        Some(_) => return cannot("names an object that is no endpoint"),
    };
    Ok(Interference {
        function: function.to_owned(),
        endpoint,
        occurrence: fault.occurrences.first,
        how,
    })
}

/// The call whose request a move is about.
fn operation(which: Move) -> Option<&'static str> {
    match which {
        Move::PutComplete | Move::PutStatus => Some("ucp_put_nbx"),
        Move::GetComplete | Move::GetStatus => Some("ucp_get_nbx"),
        Move::AmComplete | Move::AmStatus => Some("ucp_am_send_nbx"),
        Move::FlushComplete => Some("ucp_ep_flush_nbx"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(faults: &str) -> Result<Vec<Interference>, String> {
        interferences(&faults.parse().unwrap())
    }

    #[test]
    fn a_call_that_fails_is_answered_in_ucx_s_place() {
        let order = order("ucp_rkey_pack@2=NO_MEMORY").unwrap();
        assert_eq!(
            order,
            [Interference {
                function: "ucp_rkey_pack".to_owned(),
                endpoint: None,
                occurrence: 2,
                how: How::Answer(-4),
            }]
        );
    }

    #[test]
    fn an_operation_that_fails_or_is_late_is_done_and_told_otherwise() {
        let order = order("ep#3.put.status@1=IO_ERROR; get.complete@2=+20").unwrap();
        assert_eq!(
            (order[0].endpoint, order[0].how),
            (Some(3), How::CompleteWith(-3))
        );
        assert_eq!(
            (order[1].endpoint, order[1].how),
            (None, How::CompleteAfter(20))
        );
    }

    #[test]
    fn what_no_call_decides_cannot_be_tried() {
        let why = |faults: &str| order(faults).unwrap_err();
        assert!(why("ep#1.fail@7=CONNECTION_RESET").contains("is decided inside UCX"));
        assert!(why("put.complete@1=withheld").contains("is decided inside UCX"));
        assert!(why("ucp_mem_map=NO_MEMORY").contains("more than once"));
        assert!(why("context#1.worker.thread_mode@1=single").contains("is decided inside UCX"));
    }
}
