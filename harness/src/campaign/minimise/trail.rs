//! What a play asked and made in which operation: with operations left out, faults that name the fifth call or the third endpoint have
//! to name the one that it has become.

use std::collections::BTreeSet;

use mock_ucx::ledger::read::Asked;
use mock_ucx::schedule::{Fault, FaultSpec, ObjectName};

use crate::execute::case::Played;

/// Questions and objects of a play with the operations in which they came.
#[derive(Clone, Debug, Default)]
pub struct Trail {
    pub(super) asked: Vec<Asked>,
    pub(super) made: Vec<(ObjectName, u32)>,
}

impl Trail {
    /// The trail of a case that was played.
    pub fn of(played: &Played) -> Trail {
        let Some(snapshot) = &played.snapshot else {
            return Trail::default();
        };
        let made = snapshot.objects.iter().map(|object| {
            let name = ObjectName {
                kind: object.kind,
                ordinal: object.ordinal,
            };
            (name, object.created.operation)
        });
        Trail {
            asked: snapshot.asked.clone(),
            made: made.collect(),
        }
    }

    /// The faults as they must be called when the operations `gone` are not played.
    pub fn renumber(&self, faults: &FaultSpec, gone: &BTreeSet<u32>) -> FaultSpec {
        let renumbered = faults.faults.iter().map(|fault| self.fault(fault, gone));
        FaultSpec {
            faults: renumbered.collect(),
        }
    }

    fn fault(&self, fault: &Fault, gone: &BTreeSet<u32>) -> Fault {
        let mut fault = fault.clone();
        let first = fault.occurrences.first;
        let same = |asked: &&Asked| asked.point == fault.point && gone.contains(&asked.operation);
        let before = match fault.object {
            // It is counted in its own operation, which is another one's number now.
            None if let Some(operation) = &mut fault.operation => {
                let earlier = gone.range(..*operation).count();
                *operation -= earlier as u32;
                0
            }
            Some(object) => {
                let earlier =
                    |asked: &Asked| asked.object == Some(object) && asked.of_object < first;
                self.asked
                    .iter()
                    .filter(same)
                    .filter(|asked| earlier(asked))
                    .count()
            }
            None => {
                let earlier = |asked: &&Asked| asked.occurrence < first;
                self.asked.iter().filter(same).filter(earlier).count()
            }
        };
        let before = before as u64;
        fault.occurrences.first = first.saturating_sub(before).max(1);
        if let Some(last) = &mut fault.occurrences.last {
            *last = last.saturating_sub(before).max(fault.occurrences.first);
        }
        if let Some(object) = &mut fault.object {
            let earlier = |name: &ObjectName, operation: &u32| {
                name.kind == object.kind
                    && name.ordinal < object.ordinal
                    && gone.contains(operation)
            };
            let made = self.made.iter();
            let before = made
                .filter(|(name, operation)| earlier(name, operation))
                .count();
            object.ordinal -= before as u32;
        }
        fault
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mock_ucx::functions::Function;
    use mock_ucx::ledger::Kind;
    use mock_ucx::schedule::Point;

    fn endpoint(ordinal: u32) -> ObjectName {
        ObjectName {
            kind: Kind::Endpoint,
            ordinal,
        }
    }

    fn trail() -> Trail {
        let pack = |occurrence, operation| Asked {
            place: 0,
            step: occurrence,
            point: Point::Call(Function::RkeyPack),
            object: None,
            occurrence,
            of_object: 1,
            operation,
            thread: 1,
        };
        Trail {
            asked: vec![pack(1, 3), pack(2, 4), pack(3, 5)],
            made: vec![(endpoint(1), 2), (endpoint(2), 4), (endpoint(3), 6)],
        }
    }

    fn renumbered(faults: &str, gone: &[u32]) -> String {
        let gone = gone.iter().copied().collect();
        trail()
            .renumber(&faults.parse().unwrap(), &gone)
            .to_string()
    }

    #[test]
    fn a_call_counts_without_those_of_the_operations_that_are_gone() {
        let at = "ucp_rkey_pack@3=NO_MEMORY";
        assert_eq!(renumbered(at, &[3]), "ucp_rkey_pack@2=NO_MEMORY");
        assert_eq!(renumbered(at, &[3, 4]), "ucp_rkey_pack@1=NO_MEMORY");
    }

    #[test]
    fn an_object_is_named_without_those_that_are_gone() {
        let at = "ep#3.fail@7=CONNECTION_RESET";
        assert_eq!(renumbered(at, &[4]), "ep#2.fail@7=CONNECTION_RESET");
    }

    #[test]
    fn an_operation_is_named_without_those_that_are_gone() {
        let at = "system.memory@5 operation 8=bad_alloc";
        assert_eq!(
            renumbered(at, &[3, 4, 9]),
            "system.memory@5 operation 6=bad_alloc"
        );
    }

    #[test]
    fn what_comes_later_shifts_nothing() {
        assert_eq!(
            renumbered(
                "ucp_rkey_pack@1=NO_MEMORY; ep#1.fail@7=CONNECTION_RESET",
                &[4, 5, 6]
            ),
            "ucp_rkey_pack@1=NO_MEMORY; ep#1.fail@7=CONNECTION_RESET"
        );
    }
}
