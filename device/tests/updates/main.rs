//! Installing models: cut off at any point, refused for any reason, and fed with nonsense.

mod cuts;
mod disk;
mod made;
mod program;
mod refusals;
