//! Stands in for the system under NIXL, so that it can fail: threads, memory, descriptors, sockets. A part of the program, not of the
//! library, for only a program's own functions come before the C library's.
//!
//! Each function is entered with the address that it returns to in a register that it does not use itself: what this program and the mock
//! in it ask for is always done. Only for x86-64, whose registers the entries name.

use std::arch::naked_asm;
use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::sync::atomic::AtomicPtr;
use std::sync::atomic::Ordering::{Acquire, Release};

use mock_ucx::control::environment;
use mock_ucx::schedule::{ASKED_FOR, Environment};

/// An entry under the system's name: puts the return address into `$register` and goes on in `$inner`.
macro_rules! entry {
    ($abi:literal, $name:ident, $inner:ident, $register:literal) => {

        #[unsafe(naked)]
        #[unsafe(no_mangle)]
        extern $abi fn $name() {
            naked_asm!(
                concat!("mov ", $register, ", [rsp]"),
                "jmp {inner}",
                inner = sym $inner,
            )
        }
    };
}

entry!("C", pthread_create, thread, "r8");
entry!("C", eventfd, descriptor_eventfd, "rdx");
entry!("C", epoll_create1, descriptor_epoll, "rsi");
entry!("C", pipe, descriptor_pipe, "rsi");
entry!("C", pipe2, descriptor_pipe2, "rdx");
entry!("C", open, descriptor_open, "rcx");
entry!("C", open64, descriptor_open, "rcx");
entry!("C", openat, descriptor_openat, "r8");
entry!("C", socket, socket_new, "rcx");
entry!("C", accept, socket_accept, "rcx");
entry!("C", accept4, socket_accept4, "r8");
entry!("C", connect, connection, "rcx");

/// `operator new(size_t)`: goes straight on in the C++ library's own unless somebody may make it fail, so that whoever counts allocations
/// sees the stack that there would be without this program.
#[unsafe(naked)]
#[unsafe(no_mangle)]
extern "C-unwind" fn _Znwm() {
    naked_asm!(
        "cmp byte ptr [rip + {asked} + {memory}], 0",
        "jne 2f",
        "cmp qword ptr [rip + {real}], 0",
        "je 2f",
        "jmp qword ptr [rip + {real}]",
        "2:",
        "mov rsi, [rsp]",
        "jmp {inner}",
        asked = sym ASKED_FOR,
        memory = const Environment::Memory as usize,
        real = sym REAL_NEW,
        inner = sym memory,
    )
}

/// `operator new[](size_t)`.
#[unsafe(naked)]
#[unsafe(no_mangle)]
extern "C-unwind" fn _Znam() {
    naked_asm!("jmp {new}", new = sym _Znwm)
}

/// The C++ library's `operator new`, once it is known.
static REAL_NEW: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());

unsafe extern "C" {
    // Where the linker put this program's code.
    static __executable_start: u8;
    static etext: u8;
}

/// The error with which the system is to fail a call that returns to `caller`; `None`: it is to do it.
fn failure(which: Environment, caller: usize) -> Option<&'static str> {
    let start = (&raw const __executable_start).addr();
    let end = (&raw const etext).addr();
    if (start..end).contains(&caller) {
        return None;
    }
    environment(which)
}

fn number(error: &str) -> c_int {
    match error {
        "EAGAIN" => libc::EAGAIN,
        "EMFILE" => libc::EMFILE,
        "ENFILE" => libc::ENFILE,
        "ECONNREFUSED" => libc::ECONNREFUSED,
        "ETIMEDOUT" => libc::ETIMEDOUT,
        _ => libc::ENOMEM,
    }
}

/// Fails with an error, or does what `system` does.
fn fail_or(which: Environment, caller: usize, system: impl FnOnce() -> c_int) -> c_int {
    match failure(which, caller) {
        None => system(),
        Some(error) => {
            // SAFETY: the place of this thread's error number.
            unsafe { *libc::__errno_location() = number(error) };
            -1
        }
    }
}

/// The C library's own function of a name, looked up once.
struct Real {
    name: &'static CStr,
    address: AtomicPtr<c_void>,
}

impl Real {
    const fn new(name: &'static CStr) -> Real {
        Real {
            name,
            address: AtomicPtr::new(std::ptr::null_mut()),
        }
    }

    fn address(&self) -> *mut c_void {
        let known = self.address.load(Acquire);
        if !known.is_null() {
            return known;
        }
        // SAFETY: a terminated name.
        let found = unsafe { libc::dlsym(libc::RTLD_NEXT, self.name.as_ptr()) };
        if found.is_null() {
            // A C library without it is none that this program runs on.
            std::process::abort();
        }
        self.address.store(found, Release);
        found
    }
}

type Start = extern "C" fn(*mut c_void) -> *mut c_void;
type Create = unsafe extern "C" fn(*mut u64, *const c_void, Start, *mut c_void) -> c_int;

unsafe extern "C" fn thread(
    id: *mut u64,
    attributes: *const c_void,
    start: Start,
    argument: *mut c_void,
    caller: usize,
) -> c_int {
    static REAL: Real = Real::new(c"pthread_create");
    match failure(Environment::Thread, caller) {
        Some(error) => number(error),
        // SAFETY: it has this signature; the arguments are the caller's.
        None => unsafe {
            std::mem::transmute::<*mut c_void, Create>(REAL.address())(
                id, attributes, start, argument,
            )
        },
    }
}

unsafe extern "C" fn descriptor_eventfd(count: c_uint, flags: c_int, caller: usize) -> c_int {
    // SAFETY: the system call checks what it is given.
    fail_or(Environment::Descriptor, caller, || unsafe {
        libc::syscall(libc::SYS_eventfd2, count, flags) as c_int
    })
}

unsafe extern "C" fn descriptor_epoll(flags: c_int, caller: usize) -> c_int {
    // SAFETY: the system call checks what it is given.
    fail_or(Environment::Descriptor, caller, || unsafe {
        libc::syscall(libc::SYS_epoll_create1, flags) as c_int
    })
}

unsafe extern "C" fn descriptor_pipe(ends: *mut c_int, caller: usize) -> c_int {
    // SAFETY: the system call checks what it is given.
    fail_or(Environment::Descriptor, caller, || unsafe {
        libc::syscall(libc::SYS_pipe2, ends, 0) as c_int
    })
}

unsafe extern "C" fn descriptor_pipe2(ends: *mut c_int, flags: c_int, caller: usize) -> c_int {
    // SAFETY: the system call checks what it is given.
    fail_or(Environment::Descriptor, caller, || unsafe {
        libc::syscall(libc::SYS_pipe2, ends, flags) as c_int
    })
}

unsafe extern "C" fn descriptor_open(
    path: *const c_char,
    flags: c_int,
    mode: c_uint,
    caller: usize,
) -> c_int {
    // SAFETY: the system call checks what it is given, and looks at the mode only if the flags say so.
    fail_or(Environment::Descriptor, caller, || unsafe {
        libc::syscall(libc::SYS_openat, libc::AT_FDCWD, path, flags, mode) as c_int
    })
}

unsafe extern "C" fn descriptor_openat(
    folder: c_int,
    path: *const c_char,
    flags: c_int,
    mode: c_uint,
    caller: usize,
) -> c_int {
    // SAFETY: as above.
    fail_or(Environment::Descriptor, caller, || unsafe {
        libc::syscall(libc::SYS_openat, folder, path, flags, mode) as c_int
    })
}

unsafe extern "C" fn socket_new(
    domain: c_int,
    kind: c_int,
    protocol: c_int,
    caller: usize,
) -> c_int {
    // SAFETY: the system call checks what it is given.
    fail_or(Environment::Socket, caller, || unsafe {
        libc::syscall(libc::SYS_socket, domain, kind, protocol) as c_int
    })
}

unsafe extern "C" fn socket_accept(
    listener: c_int,
    address: *mut c_void,
    length: *mut u32,
    caller: usize,
) -> c_int {
    // SAFETY: as `socket_accept4`.
    unsafe { socket_accept4(listener, address, length, 0, caller) }
}

unsafe extern "C" fn socket_accept4(
    listener: c_int,
    address: *mut c_void,
    length: *mut u32,
    flags: c_int,
    caller: usize,
) -> c_int {
    // SAFETY: the system call checks what it is given.
    fail_or(Environment::Socket, caller, || unsafe {
        libc::syscall(libc::SYS_accept4, listener, address, length, flags) as c_int
    })
}

unsafe extern "C" fn connection(
    socket: c_int,
    address: *const c_void,
    length: u32,
    caller: usize,
) -> c_int {
    // SAFETY: the system call checks what it is given.
    fail_or(Environment::Connection, caller, || unsafe {
        libc::syscall(libc::SYS_connect, socket, address, length) as c_int
    })
}

unsafe extern "C-unwind" fn memory(bytes: usize, caller: usize) -> *mut c_void {
    if failure(Environment::Memory, caller).is_some() {
        // SAFETY: the function has this signature.
        unsafe {
            std::mem::transmute::<*mut c_void, extern "C-unwind" fn() -> !>(of_libstdcxx(
                c"_ZSt17__throw_bad_allocv",
            ))()
        }
    }
    let real = of_libstdcxx(c"_Znwm");
    REAL_NEW.store(real, Release);
    // SAFETY: as above.
    unsafe {
        std::mem::transmute::<*mut c_void, extern "C-unwind" fn(usize) -> *mut c_void>(real)(bytes)
    }
}

/// A function of the C++ library, which whoever uses `operator new` has loaded.
fn of_libstdcxx(name: &CStr) -> *mut c_void {
    // SAFETY: terminated names.
    let found = unsafe {
        let library = libc::dlopen(
            c"libstdc++.so.6".as_ptr(),
            libc::RTLD_LAZY | libc::RTLD_NOLOAD,
        );
        libc::dlsym(library, name.as_ptr())
    };
    if found.is_null() {
        std::process::abort();
    }
    found
}
