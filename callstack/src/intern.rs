//! Stores equal stacks once: a tree of frames, each node a call site below its caller's node.
//!
//! Stacks share their outer frames, so a tree keeps 320,000 captured stacks in 74 nodes. The nodes
//! themselves lie where the caller puts them (in a file that a supervisor reads); here is only
//! what finds them again.

use rustc_hash::FxHashMap;

/// The number that stands for "no stack", and for the caller of an outermost frame.
pub const NO_STACK: u32 = 0;

/// Finds the node of a stack, and makes the nodes that do not exist yet.
#[derive(Debug, Default)]
pub struct Interner {
    nodes: FxHashMap<(u32, u64), u32>,
    /// The last stack, outermost frame first, each with its node.
    last: Vec<(u64, u32)>,
}

impl Interner {
    /// An interner that knows no stack.
    pub fn new() -> Self {
        Self::default()
    }

    /// The node of a stack, given by its return addresses, innermost first.
    ///
    /// `push` stores a new node (its caller's node, its address) and returns its number, which is
    /// not [`NO_STACK`]; or `None` when there is no room, and the deepest node that exists stands
    /// for the stack.
    pub fn intern(&mut self, frames: &[u64], push: &mut dyn FnMut(u32, u64) -> Option<u32>) -> u32 {
        let outermost_first = frames.iter().rev();
        let last = self.last.iter().map(|(pc, _)| pc);
        let shared = outermost_first
            .clone()
            .zip(last)
            .take_while(|(a, b)| a == b);
        let shared = shared.count();
        self.last.truncate(shared);
        for &pc in outermost_first.skip(shared) {
            let caller = self.last_node();
            let Some(node) = self.node(caller, pc, push) else {
                break;
            };
            self.last.push((pc, node));
        }
        self.last_node()
    }

    fn last_node(&self) -> u32 {
        self.last.last().map_or(NO_STACK, |(_, node)| *node)
    }

    fn node(
        &mut self,
        caller: u32,
        pc: u64,
        push: &mut dyn FnMut(u32, u64) -> Option<u32>,
    ) -> Option<u32> {
        if let Some(node) = self.nodes.get(&(caller, pc)) {
            return Some(*node);
        }
        let node = push(caller, pc)?;
        debug_assert_ne!(node, NO_STACK, "a node was given the number of no stack");
        self.nodes.insert((caller, pc), node);
        Some(node)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Nodes in memory, numbered from 1, with room for so many.
    struct Store {
        nodes: Vec<(u32, u64)>,
        room: usize,
    }

    impl Store {
        fn with_room(room: usize) -> Self {
            Self {
                nodes: Vec::new(),
                room,
            }
        }

        fn push(&mut self, caller: u32, pc: u64) -> Option<u32> {
            if self.nodes.len() == self.room {
                return None;
            }
            self.nodes.push((caller, pc));
            Some(self.nodes.len() as u32)
        }

        /// The frames of a stack, innermost first.
        fn frames(&self, stack: u32) -> Vec<u64> {
            let mut frames = Vec::new();
            let mut node = stack;
            while node != NO_STACK {
                let (caller, pc) = self.nodes[node as usize - 1];
                frames.push(pc);
                node = caller;
            }
            frames
        }
    }

    /// Stacks over few addresses, so that many share their outer frames.
    fn stacks() -> impl Strategy<Value = Vec<Vec<u64>>> {
        prop::collection::vec(prop::collection::vec(1u64..4, 0..=8), 0..60)
    }

    proptest! {
        #[test]
        fn an_interned_stack_reads_back_and_equal_stacks_are_one(stacks in stacks()) {
            let mut store = Store::with_room(usize::MAX);
            let mut interner = Interner::new();
            let ids: Vec<u32> = stacks
                .iter()
                .map(|frames| interner.intern(frames, &mut |caller, pc| store.push(caller, pc)))
                .collect();
            for (a, frames) in ids.iter().zip(&stacks) {
                prop_assert_eq!(&store.frames(*a), frames);
                for (b, others) in ids.iter().zip(&stacks) {
                    prop_assert_eq!(a == b, frames == others);
                }
            }
            let mut distinct = store.nodes.clone();
            distinct.sort_unstable();
            distinct.dedup();
            prop_assert_eq!(distinct.len(), store.nodes.len(), "a node was stored twice");
        }

        #[test]
        fn without_room_the_outer_frames_that_fitted_stand_for_the_stack(
            stacks in stacks(),
            room in 0usize..20,
        ) {
            let mut store = Store::with_room(room);
            let mut interner = Interner::new();
            for frames in &stacks {
                let id = interner.intern(frames, &mut |caller, pc| store.push(caller, pc));
                let kept = store.frames(id);
                prop_assert!(frames.ends_with(&kept));
                prop_assert!(kept.len() == frames.len() || store.nodes.len() == room);
            }
        }
    }

    #[test]
    fn no_frames_are_no_stack_and_make_no_node() {
        let mut store = Store::with_room(10);
        let id = Interner::new().intern(&[], &mut |caller, pc| store.push(caller, pc));
        assert_eq!(id, NO_STACK);
        assert!(store.nodes.is_empty());
    }

    #[test]
    fn a_stack_cut_short_is_completed_once_there_is_room() {
        let mut store = Store::with_room(1);
        let mut interner = Interner::new();
        let cut = interner.intern(&[2, 1], &mut |caller, pc| store.push(caller, pc));
        assert_eq!(store.frames(cut), [1]);
        store.room = 2;
        let whole = interner.intern(&[2, 1], &mut |caller, pc| store.push(caller, pc));
        assert_eq!(store.frames(whole), [2, 1]);
    }
}
