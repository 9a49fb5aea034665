//! Trees: the layers that steps write into, each over the ones below.

use std::path::PathBuf;

use lbuild_sandbox::{Root, Spec};
use lbuild_store::{Output, OutputRef, TreeDraft, TreeMeta};

use super::Bench;
use super::talk::Single;
use super::tasks::agent;
use crate::agent::{Measured, name};
use crate::error::BuildError;
use crate::plan::Step;
use crate::run::{Done, Made};

/// The output name of every step that makes a tree.
pub(crate) const TREE: &str = "tree";

/// The steps whose trees make up the system, lowest first.
const LAYERS: [Step; 6] =
    [Step::Core, Step::Base, Step::Packages, Step::Configure, Step::Files, Step::BootFiles];

impl Bench<'_> {
    /// Every tree of the finished system, lowest first.
    pub(crate) fn layers(&self) -> Result<Vec<PathBuf>, BuildError> {
        LAYERS.iter().filter_map(|step| self.tree_of(*step).transpose()).collect()
    }

    /// The trees of the system that lie below a layer, lowest first.
    pub(crate) fn layers_below(&self, layer: Step) -> Result<Vec<PathBuf>, BuildError> {
        let below = LAYERS.iter().take_while(|step| **step != layer);
        below.filter_map(|step| self.tree_of(*step).transpose()).collect()
    }

    /// The tree that a step made; `None` when it is not part of the plan.
    pub(crate) fn tree_of(&self, step: Step) -> Result<Option<PathBuf>, BuildError> {
        let Some(key) = tree_key(self.done, step) else { return Ok(None) };
        match self.store().trees().get(key) {
            Some(tree) => Ok(Some(tree.root())),
            None => Err(BuildError::Store(lbuild_store::StoreError::Missing { digest: key })),
        }
    }

    /// Makes this step's tree: `fill` gets its root, with the layers below under it.
    pub(crate) fn make_tree(
        &self,
        fill: impl FnOnce(&Draft) -> Result<serde_json::Value, BuildError>,
    ) -> Result<Made, BuildError> {
        let draft = self.store().trees().begin(self.key).map_err(BuildError::Store)?;
        let launcher = self.workshop.launcher;
        launcher.make_tree_dir(&draft.root()).map_err(|error| self.jobs().sandbox(error))?;
        let draft = Draft { lowers: self.layers_under_tree()?, draft };
        let data = fill(&draft)?;
        self.commit(draft.draft, data)
    }

    fn commit(&self, draft: TreeDraft, data: serde_json::Value) -> Result<Made, BuildError> {
        let work = draft.path().join("work");
        if work.exists() {
            self.workshop.launcher.delete_tree(&work).map_err(|error| self.jobs().sandbox(error))?;
        }
        let root = Root::ReadOnly { lowers: vec![draft.root()] };
        let size: Measured = Single::run(self, Spec::new(root, agent(name::MEASURE, &())))?;
        let meta =
            TreeMeta { name: self.step.name().to_owned(), bytes: size.bytes, entries: size.entries, data };
        let tree = self.store().trees().commit(draft, &meta).map_err(BuildError::Store)?;
        let output = Output { name: TREE.to_owned(), reference: OutputRef::Tree(tree.key) };
        Ok(Made { outputs: vec![output], data: meta.data, size: Some(size.bytes), ..Made::default() })
    }

    fn layers_under_tree(&self) -> Result<Vec<PathBuf>, BuildError> {
        if LAYERS.contains(&self.step) { self.layers_below(self.step) } else { Ok(Vec::new()) }
    }
}

fn tree_key(done: &Done, step: Step) -> Option<lbuild_store::Digest> {
    done.get(step)?.tree(TREE)
}

/// A tree that is being made.
pub(crate) struct Draft {
    lowers: Vec<PathBuf>,
    draft: TreeDraft,
}

impl Draft {
    /// The system as this step sees it, writable.
    pub(crate) fn root(&self) -> Root {
        if self.lowers.is_empty() {
            return self.layer();
        }
        Root::Overlay {
            lowers: self.lowers.clone(),
            upper: self.draft.root(),
            work: self.draft.path().join("work"),
        }
    }

    /// This step's own layer alone, writable.
    pub(crate) fn layer(&self) -> Root {
        Root::Directory { tree: self.path() }
    }

    /// Where this step's own layer lies.
    pub(crate) fn path(&self) -> PathBuf {
        self.draft.root()
    }
}
