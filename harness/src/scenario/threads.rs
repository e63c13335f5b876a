//! What brings threads that run beside the client, or has several of its own.

use super::{AgentConfig, Op, Param, Scenario, has_op};

impl AgentConfig {
    /// Whether the agent has threads of its own.
    pub fn has_threads(&self) -> bool {
        self.progress_thread || self.listen_thread
    }
}

/// Whether a backend with these parameters has threads of its own.
pub fn has_threads(params: &[Param]) -> bool {
    let mut params = params.iter();
    params.any(|param| param.key == "num_threads" && param.value != "0")
}

impl Op {
    /// Whether threads of NIXL's own run from here on beside the client.
    pub fn starts_threads(&self) -> bool {
        match self {
            // NIXL's default has a progress thread.
            Self::Agent { config, .. } => config.as_ref().is_none_or(AgentConfig::has_threads),
            Self::Backend { params, .. } => has_threads(params),
            _ => false,
        }
    }
}

impl Scenario {
    /// Whether it runs threads beside each other, so that the order of their calls is not the same in each play.
    pub fn is_threaded(&self) -> bool {
        has_op(&self.steps, |op| {
            op.starts_threads() || matches!(op, Op::Together { .. })
        })
    }
}
