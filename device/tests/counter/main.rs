//! The counter: what is counted, how it survives, how it is read.

mod damage;
mod export;
mod keeping;
mod live;
mod made;
mod visits;
