//! Who is connected to a WebSocket plugin, and in which topics: `guesthouse:plugin/rooms`.

/// The topics of one plugin. Outlives the plugin's versions.
#[derive(Debug, Default)]
pub struct Rooms {
    turn: std::sync::Arc<tokio::sync::Mutex<()>>,
}

/// The right to ask who is in a topic: one call of a plugin at a time has it.
pub type Turn = tokio::sync::OwnedMutexGuard<()>;

impl Rooms {
    /// Waits for the turn.
    pub async fn turn(&self) -> Turn {
        std::sync::Arc::clone(&self.turn).lock_owned().await
    }
}
