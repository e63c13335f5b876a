//! What the memory of a process does while it runs, on whatever UCX: how much is resident, and what is live by who allocated it. The counting
//! is preloaded into the process; here it is sampled, and told whether and of what it grows.

mod judge;
mod maps;
mod render;
mod sampler;
mod series;

pub use judge::{Cost, Grower, Verdict};
pub use render::MemoryReport;
pub use series::ProcessMemory;

pub(super) use sampler::Sampler;
