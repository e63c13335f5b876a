//! The rule book, rule by rule: one test that breaks it, and one that comes close and stays silent. Rules about single functions whose
//! semantics have a test program of their own are broken there.

#[path = "../common/mod.rs"]
mod common;

mod device;
mod endpoint;
mod legal;
mod library;
mod memory;
mod message;
mod operation;
mod pages;
mod thread;
mod worker;
