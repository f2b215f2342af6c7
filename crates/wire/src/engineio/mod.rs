//! Engine.IO.
