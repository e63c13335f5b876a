//! System calls without the C library, which would keep their errors in `errno`: a hook must leave that alone.

/// The kernel's answer: negative is an error.
pub(super) fn system_call(number: i64, arguments: [i64; 6]) -> i64 {
    let answer;
    let [first, second, third, fourth, fifth, sixth] = arguments;
    // SAFETY: callers pass calls that only read and write memory of theirs. The kernel changes no registers but these.
    unsafe {
        std::arch::asm!(
            "syscall",
            inlateout("rax") number => answer,
            in("rdi") first,
            in("rsi") second,
            in("rdx") third,
            in("r10") fourth,
            in("r8") fifth,
            in("r9") sixth,
            out("rcx") _,
            out("r11") _,
            options(nostack),
        );
    }
    answer
}
