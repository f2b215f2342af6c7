//! The start: from the settings to a listening server, and its stop.

use tokio::signal::unix::{SignalKind, signal};

use crate::auth::Keys;
use crate::cli::banner;
use crate::config::Config;
use crate::listener::{Listener, descriptors};
use crate::logs;
use crate::product::Product;

/// Runs the server until it is told to stop by SIGTERM or ctrl-c.
///
/// Errors: whatever keeps it from starting, in one line.
pub fn serve(config: Config) -> anyhow::Result<()> {
    config.check()?;
    logs::start(&config.log);
    let descriptors = descriptors::raise();
    tracing::debug!(?descriptors, "open files allowed");
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run(config))
}

async fn run(config: Config) -> anyhow::Result<()> {
    let stop = stop_signal()?;
    let keys = Keys::load(&config)?;
    let listener = Listener::bind(&config).await?;
    let mut product = Product::start(&config, &keys)?;
    banner::print(&config, &keys, &listener);
    tracing::info!(addresses = ?listener.addresses(), "listening");
    let handler = product.handler();
    let farewell = async {
        stop.await;
        tokio::task::block_in_place(|| product.hang_up());
    };
    listener.serve(handler, farewell).await;
    tokio::task::block_in_place(|| product.close());
    tracing::info!("stopped");
    Ok(())
}

/// Ready when the server is told to stop. The signals are caught from the call on.
fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
