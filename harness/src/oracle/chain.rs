//! An object with what it belongs to: `rkey #1 of endpoint #3 (ended by ucp_ep_close_nbx in call 17) of worker #1 of context #1`.

use mock_ucx::ledger::Kind;
use mock_ucx::ledger::read::{Object, Snapshot};

use super::{function_words, object_words};

/// Links that are told. UCX's tree has four levels; a damaged ledger may have more.
const LINKS_MAX: usize = 6;

/// The object and its ancestors as they were at a call: each with its end if it had ended; the object's own end is told by who asks.
pub(super) fn chain(snapshot: &Snapshot, object: &Object, step: u64) -> String {
    let mut words = object_words(object);
    let mut at = *object;
    for _ in 0..LINKS_MAX {
        let Some(parent) = belongs_to(snapshot, &at) else {
            break;
        };
        words += &format!(" of {}", object_words(parent));
        if (1..step).contains(&parent.ended.step) {
            words += &format!(
                " (ended by {} in call {})",
                function_words(&parent.ended),
                parent.ended.step
            );
        }
        at = *parent;
    }
    words
}

/// What an object belongs to. A remote key names its endpoint beside the worker that holds it.
fn belongs_to<'a>(snapshot: &'a Snapshot, object: &Object) -> Option<&'a Object> {
    let endpoint = (object.kind == Kind::Rkey).then(|| snapshot.object(object.detail[1]));
    let endpoint = endpoint
        .flatten()
        .filter(|found| found.kind == Kind::Endpoint);
    endpoint.or_else(|| snapshot.object(object.parent))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::testing::{Client, ledger_of};
    use mock_ucx::abi::{memory, worker};

    #[test]
    fn a_key_is_told_with_its_endpoint_and_all_above_and_where_these_ended() {
        let snapshot = ledger_of("", || {
            let mut client = Client::new();
            let memh = client.register();
            let worker = client.worker();
            let ep = client.endpoint(worker);
            let blob = client.pack(memh).expect("a packed key");
            let mut rkey = 0;
            // SAFETY: the place for the key is valid.
            unsafe { memory::ucp_ep_rkey_unpack(ep, blob, &raw mut rkey) };
            Client::close(ep);
            worker::ucp_worker_progress(worker);
        });
        let rkey = snapshot
            .objects
            .iter()
            .find(|object| object.kind == Kind::Rkey)
            .expect("the key");
        let step = snapshot
            .objects
            .iter()
            .find(|object| object.kind == Kind::Endpoint)
            .map_or(0, |endpoint| endpoint.ended.step);
        assert!(step > 0);
        assert_eq!(
            chain(&snapshot, rkey, step + 1),
            format!(
                "rkey #1 of endpoint #1 (ended by ucp_ep_close_nbx in call {step}) of worker #1 of context #1"
            )
        );
        assert_eq!(
            chain(&snapshot, rkey, step),
            "rkey #1 of endpoint #1 of worker #1 of context #1"
        );
    }

    #[test]
    fn what_belongs_to_nothing_is_told_alone() {
        let snapshot = ledger_of("", || {
            Client::config();
        });
        assert_eq!(chain(&snapshot, &snapshot.objects[0], 1), "config #1");
    }
}
