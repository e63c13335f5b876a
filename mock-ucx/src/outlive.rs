//! Objects that outlive what they belong to, or were made of.

use crate::functions::Function;
use crate::ledger::{NewFinding, Site, Trouble};
use crate::objects::{Body, Entry};
use crate::rules::{Rule, rule_for_orphan};
use crate::status::UcsStatus;
use crate::universe::State;

impl State {
    /// One more remote key, or one less, is alive on an endpoint.
    pub(crate) fn count_rkey(&mut self, endpoint: u64, by: i32) {
        if let Some(endpoint) = self.endpoint_mut(endpoint) {
            endpoint.rkeys = endpoint.rkeys.saturating_add_signed(by);
        }
    }

    /// A parent ends while this object is alive.
    pub(crate) fn judge_orphan(&mut self, orphan: u64, site: Site<'_>) {
        let Some(entry) = self.objects.get(&orphan) else {
            return;
        };
        let given = match &entry.body {
            // One that still runs belongs to UCX, which completes it.
            Body::Request(request) => !request.external && request.status != UcsStatus::INPROGRESS,
            // UCX makes the endpoints that answer messages, and closes them.
            Body::Endpoint(_) => self
                .ledger
                .object(entry.slot)
                .is_none_or(|record| record.created_function != Function::WorkerProgress as u16),
            _ => true,
        };
        let rule = rule_for_orphan(site.function, entry.body.kind());
        if let Some(rule) = rule.filter(|_| given) {
            let finding = NewFinding {
                rule,
                trouble: Trouble::None,
                argument: None,
                value: 0,
                object: orphan,
                other: entry.parent,
                detail: [0, 0],
            };
            self.ledger.finding(finding, site);
        }
    }

    /// An object ends that memory lists were made of.
    pub(crate) fn judge_lists(&mut self, ended: u64, site: Site<'_>) {
        let made_of = |entry: &Entry| {
            entry.parent != ended
                && matches!(&entry.body, Body::MemList(members) if members.contains(&ended))
        };
        let lists = self.objects.iter().filter(|(_, entry)| made_of(entry));
        let mut lists: Vec<u64> = lists.map(|(serial, _)| *serial).collect();
        lists.sort_unstable();
        for list in lists {
            let finding = NewFinding {
                rule: Rule::ListOutlives,
                trouble: Trouble::None,
                argument: None,
                value: 0,
                object: list,
                other: ended,
                detail: [0, 0],
            };
            self.ledger.finding(finding, site);
        }
    }
}
