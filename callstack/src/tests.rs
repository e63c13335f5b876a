//! Captures compared with the unwinder of the C library, in calls, threads and odd moments.

use std::hint::black_box;

use super::*;

/// What both unwinders say about the caller of this function.
#[inline(never)]
fn both() -> (Vec<u64>, Vec<u64>) {
    let mut frames = [0; MAX_FRAMES];
    let count = capture_above(Boundary::here(), &mut frames);
    let ours = frames[..count].to_vec();
    let mut all = Vec::new();
    backtrace::trace(|frame| {
        // In a thread's start routine the C library adds a frame at 0, in `main` it does not.
        let ip = frame.ip() as u64;
        all.extend((ip != 0).then_some(ip));
        true
    });
    let caller = ours
        .first()
        .and_then(|pc| all.iter().position(|ip| ip == pc));
    let mut theirs = all.split_off(caller.expect("both must see the caller"));
    theirs.truncate(MAX_FRAMES);
    (ours, theirs)
}

#[track_caller]
fn assert_equal_frames((ours, theirs): (Vec<u64>, Vec<u64>)) {
    assert_eq!(ours, theirs, "this unwinder (left) against the C library's");
}

/// Calls itself `depth` times, with frames of several sizes, and compares at the bottom.
#[inline(never)]
fn nested(depth: usize) {
    match depth {
        0 => assert_equal_frames(both()),
        even if even % 2 == 0 => {
            let ballast = black_box([depth; 40]);
            nested(depth - 1);
            black_box(ballast);
        }
        _ => black_box(|| nested(depth - 1))(),
    }
    black_box(());
}

#[test]
fn frames_equal_those_of_the_c_library_at_every_depth() {
    for depth in [0, 1, 2, 3, 10, 3, 10, 11, 5, 20, 0] {
        nested(depth);
    }
}

#[test]
fn of_a_stack_that_is_too_deep_the_innermost_frames_are_kept() {
    for depth in [200, 201, 90, 200, 64, 63, 65, 97, 96, 95, 200, 200] {
        nested(depth);
    }
}

#[test]
fn all_frames_are_found_on_the_way_into_a_stack_that_is_too_deep_and_back() {
    #[inline(never)]
    fn compare(depth: usize, on_the_way_in: bool) {
        if on_the_way_in {
            assert_equal_frames(both());
        }
        if depth > 0 {
            compare(depth - 1, on_the_way_in);
        }
        assert_equal_frames(both());
        black_box(());
    }
    compare(200, false);
    compare(200, true);
}

#[test]
fn a_repeated_walk_from_one_place_gives_the_same_frames() {
    let mut seen = Vec::new();
    for _ in 0..50 {
        let (ours, theirs) = both();
        assert_eq!(ours, theirs);
        seen.push(ours);
    }
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1]));
    assert!(seen[0].len() > 3);
}

#[test]
fn callers_that_alternate_at_one_depth_are_told_apart() {
    #[inline(never)]
    fn left() -> Vec<u64> {
        black_box(both().0)
    }
    #[inline(never)]
    fn right() -> Vec<u64> {
        let frames = black_box(both().0);
        black_box(frames)
    }
    let pairs: Vec<_> = (0..20).map(|_| (left(), right())).collect();
    for (left, right) in &pairs {
        assert_ne!(left[0], right[0]);
        assert_eq!((left, right), (&pairs[0].0, &pairs[0].1));
    }
}

#[test]
fn threads_unwind_at_the_same_time_without_mixing() {
    std::thread::scope(|scope| {
        for thread in 0..4 {
            scope.spawn(move || {
                for round in 0..200 {
                    nested((round + thread) % 30);
                }
            });
        }
    });
}

#[test]
fn frames_stay_right_while_another_thread_opens_and_closes_libraries() {
    use std::sync::atomic::{AtomicBool, Ordering};

    let done = AtomicBool::new(false);
    let before = modules::generation();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..100 {
                // SAFETY: a library of the C library's own package, opened and closed in pairs.
                unsafe {
                    let library = libc::dlopen(c"libutil.so.1".as_ptr(), libc::RTLD_NOW);
                    assert!(!library.is_null());
                    libc::dlclose(library);
                }
            }
            done.store(true, Ordering::Release);
        });
        while !done.load(Ordering::Acquire) {
            nested(7);
        }
    });
    nested(7);
    assert!(modules::generation() > before, "no change was noticed");
}

/// Plays `die` in a child that writes down the stack when SIGSEGV or SIGABRT comes, and returns that stack.
fn stack_of_death(die: extern "C" fn()) -> Vec<u64> {
    use std::io::Read;
    use std::os::fd::AsRawFd;
    use std::sync::atomic::{AtomicI32, Ordering};

    static OUT: AtomicI32 = AtomicI32::new(-1);

    extern "C" fn write_down(_: libc::c_int, _: *mut libc::siginfo_t, context: *mut libc::c_void) {
        let mut frames = [0; MAX_FRAMES];
        // SAFETY: the system gives a handler the context; the frames are written as they lie in memory.
        unsafe {
            let count = capture_interrupted(&*context.cast(), &mut frames);
            let bytes = count * size_of::<u64>();
            libc::write(OUT.load(Ordering::Relaxed), frames.as_ptr().cast(), bytes);
            libc::_exit(0);
        }
    }

    let (mut reader, writer) = std::io::pipe().unwrap();
    // SAFETY: the child makes system calls and allocates, which glibc keeps usable in a forked child.
    unsafe {
        if libc::fork() == 0 {
            OUT.store(writer.as_raw_fd(), Ordering::Relaxed);
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = write_down as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO;
            for signal in [libc::SIGSEGV, libc::SIGABRT] {
                libc::sigaction(signal, &action, std::ptr::null_mut());
            }
            die();
            libc::_exit(1);
        }
    }
    drop(writer);
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).unwrap();
    let frames = bytes.as_chunks::<{ size_of::<u64>() }>().0;
    frames
        .iter()
        .map(|bytes| u64::from_ne_bytes(*bytes))
        .collect()
}

/// Whether one of the innermost frames lies in `function`.
fn dies_in(stack: &[u64], depth: usize, function: extern "C" fn()) -> bool {
    const FUNCTION_BYTES_MAX: u64 = 256;
    let start = function as *const () as u64;
    let inside = |pc: &u64| (start + 1..start + FUNCTION_BYTES_MAX).contains(pc);
    stack.iter().take(depth).any(inside)
}

extern "C" fn reads_nowhere() {
    // SAFETY: none: this is to fail.
    black_box(unsafe { std::ptr::without_provenance::<u64>(8).read_volatile() });
}

extern "C" fn calls_nowhere() {
    // SAFETY: none: this is to fail.
    let nowhere: extern "C" fn() = unsafe { std::mem::transmute(black_box(8_usize)) };
    nowhere();
    black_box(());
}

extern "C" fn aborts() {
    // SAFETY: ends the process.
    unsafe { libc::abort() };
}

#[test]
fn a_thread_that_dies_has_the_stack_of_what_it_did() {
    let (read, called, aborted) = (
        stack_of_death(reads_nowhere),
        stack_of_death(calls_nowhere),
        stack_of_death(aborts),
    );
    assert!(dies_in(&read, 1, reads_nowhere), "{read:x?}");
    assert!(dies_in(&called, 1, calls_nowhere), "{called:x?}");
    // The C library needs a few to end the process.
    assert!(dies_in(&aborted, 5, aborts), "{aborted:x?}");
    for stack in [read, called, aborted] {
        assert!(stack.len() > 8, "{stack:x?}");
    }
}

/// A library whose only function calls back, with a frame of so many bytes.
fn library_with_frame_bytes(folder: &std::path::Path, frame_bytes: usize) -> std::ffi::CString {
    let source = folder.join(format!("call_{frame_bytes}.c"));
    let library = source.with_extension("so");
    std::fs::write(
        &source,
        "int call(void (*back)(void)) {
            volatile char ballast[FRAME_BYTES] = {0};
            back();
            return ballast[0];
        }",
    )
    .unwrap();
    let compiler = std::process::Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-fomit-frame-pointer", "-o"])
        .arg(&library)
        .arg(&source)
        .arg(format!("-DFRAME_BYTES={frame_bytes}"))
        .status();
    assert!(
        compiler
            .expect("`cc`, which also links this test")
            .success()
    );
    std::ffi::CString::new(library.to_str().unwrap()).unwrap()
}

#[test]
fn a_library_mapped_where_another_was_is_unwound_by_its_own_tables() {
    extern "C" fn back() {
        assert_equal_frames(both());
    }
    let folder = tempfile::tempdir().unwrap();
    let libraries = [1000, 4000].map(|bytes| library_with_frame_bytes(folder.path(), bytes));
    let mut places = std::collections::BTreeSet::new();
    for library in libraries.iter().cycle().take(20) {
        // SAFETY: `call` has the type that it is called by, and the library outlives the call.
        unsafe {
            let handle = libc::dlopen(library.as_ptr(), libc::RTLD_NOW);
            assert!(!handle.is_null());
            let call = libc::dlsym(handle, c"call".as_ptr());
            places.insert(call as usize);
            let call: extern "C" fn(extern "C" fn()) = std::mem::transmute(call);
            call(back);
            libc::dlclose(handle);
        }
    }
    assert!(
        places.len() < 20,
        "no place was used twice: the test shows nothing"
    );
}

#[test]
fn a_thread_that_is_ending_can_still_capture() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static FRAMES_SEEN: AtomicUsize = AtomicUsize::new(0);

    struct AtEnd;
    impl Drop for AtEnd {
        fn drop(&mut self) {
            nested(3);
            FRAMES_SEEN.store(both().0.len(), Ordering::Relaxed);
            assert!(WALKER.try_with(|_| ()).is_err(), "the test came too early");
        }
    }
    thread_local!(static AT_END: AtEnd = const { AtEnd });

    std::thread::spawn(|| {
        // Destroyed in the order of first use reversed: this one outlives the walker.
        AT_END.with(|_| ());
        nested(3);
    })
    .join()
    .unwrap();
    assert!(FRAMES_SEEN.load(Ordering::Relaxed) > 0);
}

#[test]
fn a_capture_that_interrupts_a_capture_is_empty_and_harmless() {
    WALKER.with(|slot| {
        let _in_use = slot.borrow_mut();
        let mut frames = [0; MAX_FRAMES];
        assert_eq!(capture_above(Boundary::here(), &mut frames), 0);
    });
    nested(1);
}

#[test]
fn without_a_boundary_the_frames_of_our_own_module_are_left_out() {
    let mut frames = [0; MAX_FRAMES];
    let count = capture(&mut frames);
    let own = modules::current().own();
    assert!(count > 0, "the C library started this thread");
    assert!(!own.contains(&frames[0]));
}

#[test]
fn a_stack_that_is_not_the_threads_own_is_not_read() {
    let elsewhere = vec![0u64; 512];
    let mut start = Registers::here();
    start.sp = elsewhere.as_ptr() as u64;
    let mut frames = [0; MAX_FRAMES];
    assert_eq!(capture_from(start, Own::UpTo(Boundary(0)), &mut frames), 0);
}
