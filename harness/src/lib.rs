//! Drives NIXL over the mock, decides whether what happened was right, and shrinks what was not.

pub mod campaign;
pub mod certificate;
pub mod cli;
pub mod doctor;
pub mod execute;
mod files;
pub mod fuzzing;
pub mod nixl;
pub mod oracle;
pub mod report;
pub mod scenario;
pub mod supervise;
pub mod workload;
