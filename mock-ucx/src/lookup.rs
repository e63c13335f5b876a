//! What a handle value means, and what is recorded of one that means nothing.

use crate::handle::Shape;
use crate::hidden::POINTER_MASK;
use crate::ledger::{Kind, NewFinding, Site, Trouble};
use crate::rules::{Rule, rule_for_handle};
use crate::universe::State;

/// A bad handle, as far as it was understood.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BadHandle {
    pub(crate) trouble: Trouble,
    /// Serial of the object that it is or was; 0 = none.
    pub(crate) object: u64,
}

impl State {
    /// The live object whose memory holds `value` behind its first byte.
    fn holder(&self, value: u64) -> Option<u64> {
        self.pointers.iter().find_map(|(masked, serial)| {
            let offset = value.wrapping_sub(masked ^ POINTER_MASK);
            let length = self.objects.get(serial)?.body.memory_length() as u64;
            (offset < length && offset > 0).then_some(*serial)
        })
    }

    /// The serial behind a handle value, whatever its kind.
    pub(crate) fn serial(&self, value: u64) -> Option<u64> {
        let known = || self.pointers.get(&(value ^ POINTER_MASK)).copied();
        match self.handles.shape(value) {
            Shape::Serial(serial) if self.retired.is_empty() => Some(serial),
            Shape::Serial(serial) => known().or(Some(serial)),
            _ => known(),
        }
    }

    /// The live object of this kind behind a handle value.
    pub(crate) fn resolve(&self, value: u64, kind: Kind) -> Result<u64, BadHandle> {
        let bad = |trouble, object| Err(BadHandle { trouble, object });
        let Some(serial) = self.serial(value) else {
            return match self.handles.shape(value) {
                _ if value == 0 => bad(Trouble::Null, 0),
                _ if crate::abi::types::ptr_is_err(value as usize) => bad(Trouble::ErrorPointer, 0),
                Shape::Misaligned(serial) => bad(Trouble::Misaligned, serial),
                Shape::Inherited(serial) => bad(Trouble::Inherited, serial),
                Shape::Foreign => bad(Trouble::OtherProcess, 0),
                _ => match (
                    self.inherited_pointers.get(&(value ^ POINTER_MASK)),
                    self.holder(value),
                ) {
                    (Some(serial), _) => bad(Trouble::Inherited, *serial),
                    (None, Some(serial)) => bad(Trouble::Misaligned, serial),
                    (None, None) => bad(Trouble::Unknown, 0),
                },
            };
        };
        match self.objects.get(&serial) {
            Some(entry) if entry.body.kind() == kind => Ok(serial),
            Some(_) => bad(Trouble::OtherKind, serial),
            None => match self.ledger.ended(serial) {
                Some(record) if record.kind != kind as u8 => bad(Trouble::OtherKind, serial),
                _ => bad(Trouble::Stale, serial),
            },
        }
    }

    /// Records a bad handle.
    pub(crate) fn bad_handle(
        &mut self,
        kind: Kind,
        argument: Option<u16>,
        value: u64,
        bad: BadHandle,
        site: Site<'_>,
    ) {
        let rule = rule_for_handle(site.function, kind, bad.trouble);
        let finding = NewFinding {
            rule,
            trouble: bad.trouble,
            argument,
            value,
            object: bad.object,
            other: 0,
            detail: [kind as u64, 0],
        };
        self.ledger.finding(finding, site);
    }

    /// Records a broken rule about a live object and another one.
    pub(crate) fn broken_with(&mut self, rule: Rule, object: u64, other: u64, site: Site<'_>) {
        let finding = NewFinding {
            rule,
            trouble: Trouble::None,
            argument: None,
            value: 0,
            object,
            other,
            detail: [0, 0],
        };
        self.ledger.finding(finding, site);
    }

    /// Records a broken rule about a live object.
    pub(crate) fn broken(&mut self, rule: Rule, object: u64, detail: [u64; 2], site: Site<'_>) {
        let finding = NewFinding {
            rule,
            trouble: Trouble::None,
            argument: None,
            value: 0,
            object,
            other: 0,
            detail,
        };
        self.ledger.finding(finding, site);
    }
}
