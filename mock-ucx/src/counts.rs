//! How often each decision point was reached and how many children were born: of the process, and of each object while it lives.

use rustc_hash::FxHashSet;

use crate::ledger::Kind;
use crate::schedule::{ENVIRONMENT_COUNT, Environment, POINT_COUNT, Point};

/// What is counted of the process.
pub(crate) struct OfProcess {
    /// The points at which anybody may deviate: the others are not asked for, nor counted.
    asked_for: Box<[bool; POINT_COUNT]>,
    reached: Box<[u64; POINT_COUNT]>,
    /// The client's operation under way, and what the system was asked for in it.
    within: (u32, [u64; ENVIRONMENT_COUNT]),
    /// Where in the client's code it was asked for something.
    places: FxHashSet<(Environment, u32)>,
    /// Of its children, which have no other parent.
    pub(crate) own: OfObject,
}

/// What is counted of one object, which meets few points and has children of few kinds.
#[derive(Default)]
pub(crate) struct OfObject {
    reached: Vec<(Point, u64)>,
    born: Vec<(Kind, u64)>,
}

impl OfProcess {
    /// Nothing was counted so far; `is_asked_for` says which points will be.
    pub(crate) fn new(is_asked_for: impl Fn(Point) -> bool) -> OfProcess {
        let mut asked_for = Box::new([false; POINT_COUNT]);
        for point in Point::all() {
            asked_for[point.number()] = is_asked_for(point);
        }
        OfProcess {
            asked_for,
            reached: Box::new([0; POINT_COUNT]),
            within: (0, [0; ENVIRONMENT_COUNT]),
            places: FxHashSet::default(),
            own: OfObject::default(),
        }
    }

    /// Whether anybody may deviate there.
    pub(crate) fn is_asked_for(&self, point: Point) -> bool {
        self.asked_for[point.number()]
    }

    /// The point was reached; how often that makes.
    pub(crate) fn reach(&mut self, point: Point) -> u64 {
        let times = &mut self.reached[point.number()];
        *times += 1;
        *times
    }

    /// The system was asked for something in an operation of the client; how often that makes in this operation.
    pub(crate) fn reach_within(&mut self, operation: u32, which: Environment) -> u64 {
        if self.within.0 != operation {
            self.within = (operation, [0; ENVIRONMENT_COUNT]);
        }
        let times = &mut self.within.1[which as usize];
        *times += 1;
        *times
    }

    /// The system was asked for something at a place in the client's code; whether for the first time.
    pub(crate) fn is_new_at(&mut self, which: Environment, place: u32) -> bool {
        self.places.insert((which, place))
    }
}

impl OfObject {
    /// The point was reached with this object; how often that makes.
    pub(crate) fn reach(&mut self, point: Point) -> u64 {
        one_more(&mut self.reached, point)
    }

    /// A child of this kind is born; which one it is, from 1.
    pub(crate) fn bear(&mut self, kind: Kind) -> u64 {
        one_more(&mut self.born, kind)
    }
}

fn one_more<T: PartialEq>(counts: &mut Vec<(T, u64)>, what: T) -> u64 {
    if let Some((_, count)) = counts.iter_mut().find(|(counted, _)| *counted == what) {
        *count += 1;
        return *count;
    }
    counts.push((what, 1));
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_is_asked_for_is_counted_anew_in_each_operation() {
        let mut counts = OfProcess::new(|_| true);
        let mut reach = |operation| counts.reach_within(operation, Environment::Memory);
        assert_eq!(
            [reach(1), reach(1), reach(2), reach(2), reach(3)],
            [1, 2, 1, 2, 1]
        );
    }
}
