//! The counter: what is counted, how it survives, how it is read.

mod cli;
mod damage;
mod disk;
mod export;
mod keeping;
mod kill;
mod live;
mod made;
mod report;
mod visits;
mod writes;
