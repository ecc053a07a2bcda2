//! The one integration test binary: a module for each behaviour that a user can see, and one for the structure.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod allo;
mod architecture;
mod batch;
mod bot;
mod commands;
mod demo;
mod desk;
mod fixtures;
mod formats;
mod hosted;
mod licences;
mod nonspeech;
mod owner;
mod postgres;
mod privacy;
mod processor;
mod scripts;
mod serve;
mod setup;
mod webhook;
