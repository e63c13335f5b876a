//! Unwinds a stack that was copied: where memory is unmapped, nothing else can be done with it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use framehop::{CacheNative, FrameAddress, MayAllocateDuringUnwind, Unwinder};

use super::MAX_FRAMES;
use super::arch::Registers;
use super::modules::{self, Modules};

/// An unwinder for copies of any thread's stack.
pub struct CopyWalker {
    modules: Arc<Modules>,
    cache: CacheNative<MayAllocateDuringUnwind>,
}

impl Default for CopyWalker {
    fn default() -> CopyWalker {
        CopyWalker::new()
    }
}

impl CopyWalker {
    /// One for the modules that are mapped now.
    pub fn new() -> CopyWalker {
        CopyWalker {
            modules: modules::current(),
            cache: CacheNative::new(),
        }
    }

    /// Writes the return addresses of a stack, innermost first, and returns how many there are. `registers` are those of the innermost
    /// frame, which is left out, and `stack` holds the bytes from its stack pointer upwards.
    pub fn walk(
        &mut self,
        registers: Registers,
        stack: &[u8],
        frames: &mut [u64; MAX_FRAMES],
    ) -> usize {
        if self.modules.counters() != modules::counters() {
            *self = CopyWalker::new();
        }
        // Tables that the unwinder cannot read may make it panic; what it found so far is as good without.
        catch_unwind(AssertUnwindSafe(|| self.walk_on(registers, stack, frames))).unwrap_or(0)
    }

    fn walk_on(
        &mut self,
        mut at: Registers,
        stack: &[u8],
        frames: &mut [u64; MAX_FRAMES],
    ) -> usize {
        let bottom = at.sp;
        let mut read = |address: u64| {
            let offset = usize::try_from(address.wrapping_sub(bottom)).map_err(|_| ())?;
            let end = offset.checked_add(size_of::<u64>()).ok_or(())?;
            let bytes = stack.get(offset..end).ok_or(())?;
            Ok(u64::from_ne_bytes(bytes.try_into().map_err(|_| ())?))
        };
        let mut address = FrameAddress::from_instruction_pointer(at.pc);
        let mut count = 0;
        while count < MAX_FRAMES && self.modules.find(address.address_for_lookup()).is_some() {
            let mut native = at.to_native();
            let unwinder = self.modules.unwinder();
            let caller = unwinder.unwind_frame(address, &mut native, &mut self.cache, &mut read);
            let Ok(Some(pc)) = caller else {
                break;
            };
            let next = Registers::from_native(pc, &native);
            let Some(outer) = FrameAddress::from_return_address(pc) else {
                break;
            };
            // A stack grows downwards, so whoever called lies higher.
            if next.sp <= at.sp {
                break;
            }
            frames[count] = pc;
            count += 1;
            (at, address) = (next, outer);
        }
        count
    }
}
