//! What a captured stack costs, beside the C library's unwinder in the same run.

use std::hint::black_box;

use callstack::intern::Interner;
use callstack::{Boundary, MAX_FRAMES, capture_above};

/// As deep as a Python program's way down to UCX.
const DEPTH: usize = 20;

fn main() {
    divan::main();
}

/// Runs `bench` under `DEPTH` calls.
#[inline(never)]
fn nested(depth: usize, bench: impl FnOnce()) {
    match depth {
        0 => bench(),
        _ => nested(depth - 1, bench),
    }
    black_box(());
}

/// A capture through as many own frames as an exported function has.
#[inline(never)]
fn through_own_frames(depth: usize, boundary: Boundary, frames: &mut [u64; MAX_FRAMES]) -> usize {
    let count = match depth {
        0 => capture_above(boundary, frames),
        _ => through_own_frames(depth - 1, boundary, frames),
    };
    black_box(count)
}

/// The frames of the previous stack again: nothing is unwound.
#[divan::bench(sample_size = 500)]
fn same_stack(bencher: divan::Bencher) {
    let mut frames = [0; MAX_FRAMES];
    nested(DEPTH, || {
        bencher.bench_local(|| capture_above(Boundary::here(), &mut frames))
    });
}

/// Two places in turn below equal outer frames: the innermost ones are unwound.
#[divan::bench(sample_size = 500)]
fn other_innermost_frames(bencher: divan::Bencher) {
    let mut frames = [0; MAX_FRAMES];
    let mut turn = 0;
    nested(DEPTH, || {
        bencher.bench_local(|| {
            turn ^= 1;
            through_own_frames(3 + turn, Boundary::here(), &mut frames)
        })
    });
}

/// The same stack, and the number of its node.
#[divan::bench(sample_size = 500)]
fn same_stack_interned(bencher: divan::Bencher) {
    let mut frames = [0; MAX_FRAMES];
    let mut interner = Interner::new();
    let mut nodes = 0;
    nested(DEPTH, || {
        bencher.bench_local(|| {
            let count = capture_above(Boundary::here(), &mut frames);
            interner.intern(&frames[..count], &mut |_, _| {
                nodes += 1;
                Some(nodes)
            })
        })
    });
}

/// The unwinder that C++ exceptions and panics use.
#[divan::bench(sample_size = 500)]
fn c_library(bencher: divan::Bencher) {
    let mut frames = [0; MAX_FRAMES];
    nested(DEPTH, || {
        bencher.bench_local(|| {
            let mut count = 0;
            backtrace::trace(|frame| {
                frames[count] = frame.ip() as u64;
                count += 1;
                count < MAX_FRAMES
            });
            count
        })
    });
}
