//! The registers that unwinding starts from: all that depends on the processor.

#[cfg(target_arch = "aarch64")]
pub use aarch64::Registers;
#[cfg(target_arch = "x86_64")]
pub use x86_64::Registers;

#[cfg(target_arch = "x86_64")]
mod x86_64 {
    use std::ops::Range;

    use framehop::UnwindRegsNative;

    /// What decides how one frame is unwound: two frames equal in these unwind alike, as long
    /// as the stack slots that were read hold the same values.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Registers {
        pub(crate) pc: u64,
        /// The stack pointer.
        pub sp: u64,
        bp: u64,
    }

    impl Registers {
        /// The registers of the function that this is inlined into.
        #[inline(always)]
        pub fn here() -> Self {
            let (pc, sp, bp): (u64, u64, u64);
            // SAFETY: reads three registers and touches nothing else.
            unsafe {
                std::arch::asm!(
                    "lea {pc}, [rip]",
                    "mov {sp}, rsp",
                    "mov {bp}, rbp",
                    pc = out(reg) pc,
                    sp = out(reg) sp,
                    bp = out(reg) bp,
                    options(nomem, nostack, preserves_flags)
                );
            }
            Self { pc, sp, bp }
        }

        /// The registers of the code that a signal interrupted.
        pub fn interrupted(context: &libc::ucontext_t) -> Self {
            let register =
                |index: libc::c_int| context.uc_mcontext.gregs[index as usize].cast_unsigned();
            Self {
                pc: register(libc::REG_RIP),
                sp: register(libc::REG_RSP),
                bp: register(libc::REG_RBP),
            }
        }

        /// Those of the call by which the code at `pc` was entered, if that has not done anything yet; `stack` is the thread's.
        pub(crate) fn entered_from(self, stack: &Range<u64>) -> Option<Self> {
            const SLOT_BYTES: u64 = size_of::<u64>() as u64;
            let is_there = stack.contains(&self.sp) && stack.end - self.sp >= SLOT_BYTES;
            is_there.then(|| {
                // SAFETY: above its stack pointer all of a thread's stack is mapped; the bytes may be anything.
                let returns_to = unsafe { (self.sp as *const u64).read_unaligned() };
                Self {
                    pc: returns_to.wrapping_sub(1),
                    sp: self.sp + SLOT_BYTES,
                    bp: self.bp,
                }
            })
        }

        pub(crate) fn to_native(self) -> UnwindRegsNative {
            UnwindRegsNative::new(self.pc, self.sp, self.bp)
        }

        pub(crate) fn from_native(pc: u64, native: &UnwindRegsNative) -> Self {
            Self {
                pc,
                sp: native.sp(),
                bp: native.bp(),
            }
        }
    }
}

#[cfg(target_arch = "aarch64")]
mod aarch64 {
    use std::ops::Range;

    use framehop::UnwindRegsNative;
    use framehop::aarch64::PtrAuthMask;

    /// Linux gives user space 48 address bits; the rest may be a pointer's signature.
    const ADDRESS_BITS: PtrAuthMask = PtrAuthMask((1 << 48) - 1);

    /// What decides how one frame is unwound: two frames equal in these unwind alike, as long
    /// as the stack slots that were read hold the same values.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Registers {
        pub(crate) pc: u64,
        /// The stack pointer.
        pub sp: u64,
        fp: u64,
        lr: u64,
    }

    impl Registers {
        /// The registers of the function that this is inlined into.
        #[inline(always)]
        pub fn here() -> Self {
            let (pc, sp, fp, lr): (u64, u64, u64, u64);
            // SAFETY: reads four registers and touches nothing else.
            unsafe {
                std::arch::asm!(
                    "adr {pc}, .",
                    "mov {sp}, sp",
                    "mov {fp}, x29",
                    "mov {lr}, x30",
                    pc = out(reg) pc,
                    sp = out(reg) sp,
                    fp = out(reg) fp,
                    lr = out(reg) lr,
                    options(nomem, nostack, preserves_flags)
                );
            }
            Self { pc, sp, fp, lr }
        }

        /// The registers of the code that a signal interrupted.
        pub fn interrupted(context: &libc::ucontext_t) -> Self {
            let machine = &context.uc_mcontext;
            Self {
                pc: machine.pc,
                sp: machine.sp,
                fp: machine.regs[29],
                lr: machine.regs[30],
            }
        }

        /// Those of the call by which the code at `pc` was entered, if that has not done anything yet.
        pub(crate) fn entered_from(self, _stack: &Range<u64>) -> Option<Self> {
            Some(Self {
                pc: self.lr.wrapping_sub(1),
                ..self
            })
        }

        pub(crate) fn to_native(self) -> UnwindRegsNative {
            UnwindRegsNative::new_with_ptr_auth_mask(ADDRESS_BITS, self.lr, self.sp, self.fp)
        }

        pub(crate) fn from_native(pc: u64, native: &UnwindRegsNative) -> Self {
            Self {
                pc,
                sp: native.sp(),
                fp: native.fp(),
                lr: native.lr(),
            }
        }
    }
}
