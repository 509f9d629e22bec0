---------------------------- MODULE Stash ----------------------------
(* A pool of one slot, a stash that points to it without owning it, and a
   lookup through the stash.

   The driver drops object 1, whose destructor clears the stash; the slot
   goes to the free list, and from there at once to object 2, which the
   driver may stash in its turn, and drops.

     1  lookup: the stash points to the slot (object 1)
     2  driver: the last put; release, clear, free; object 2 in the same slot
     3  lookup: inc-not-zero succeeds: a reference to object 2, which the
        stash has never held
     4  lookup: looks at the stash again: it has changed: not what it wanted

   Fix: "active"     one try, with the second look
        "norecheck"  one try, without
        "retry"      the second look, and again until the stash is empty
        "locked"     no second look; lookup and clear take a lock, as TTM's
                     lookups and its release take prime->mutex
        "unlocked"   the same, but release clears without the lock

   Code: impl/graceref/src/stash.rs, impl/graceref/src/pool/release.rs,
         impl/graceref/src/slots/shared.rs *)
EXTENDS Integers, FiniteSets

CONSTANT Fix

ASSUME Fix \in {"active", "norecheck", "retry", "locked", "unlocked"}

Slot == 1
Null == 0

\* Whether object 2 is stashed too. Where it is not, a lookup that returns it is wrong in every order.
Stashed == Fix \notin {"norecheck", "unlocked"}

Lookups == IF Fix \in {"locked", "unlocked"} THEN {} ELSE {"lookup"}
Ttm     == {"lookup"} \ Lookups

(*
--algorithm Stash {
variables
  count    = 1;                         \* the slot's word: the driver's reference
  object   = 1;                         \* and the generation: which object the slot holds, or held last
  stash    = Slot;
  free     = [tag |-> 0, first |-> Null];   \* the driver's insert took a slot never used
  next     = Null;                      \* the slot's link
  mutex    = FALSE;
  \* ghosts
  ever     = {1};                       \* objects that the stash has pointed to
  released = [o \in 1..2 |-> 0];

macro release() {
  released[object] := released[object] + 1;
}

macro clear() {
  if (stash = Slot) { stash := Null };
}

macro lock() {
  await ~mutex;
  mutex := TRUE;
}

macro push(tag) {
  free := [tag |-> tag, first |-> Slot];
}

fair process (driver \in {"driver"})
variables dhead = Null; dtag = 0; dnext = Null;
{
drv_put:
  count := count - 1;
  if (count # 0) { if (object = 1) { goto drv_alloc_head } else { goto Done } };
drv_release:
  release();
  if (Fix # "locked") { goto drv_stash_clear };
drv_clear_lock:
  lock();
drv_stash_clear:
  clear();
  if (Fix # "locked") { goto drv_free_head };
drv_clear_unlock:
  mutex := FALSE;
drv_free_head:
  dhead := free.first;
  dtag  := free.tag;
drv_free_next:
  next := dhead;
drv_free_push:
  if (free = [tag |-> dtag, first |-> dhead]) {
    push(dtag);
    if (object = 2) { goto Done }
  } else { goto drv_free_head };
drv_alloc_head:
  dhead := free.first;
  dtag  := free.tag;
  if (dhead # Null) { goto drv_alloc_next };
drv_alloc_fresh:
  goto Done;                            \* the lookup still holds object 1: the pool is full
drv_alloc_next:
  dnext := next;
drv_alloc_pop:
  if (free = [tag |-> dtag, first |-> dhead]) { free := [tag |-> dtag + 1, first |-> dnext] }
  else { goto drv_alloc_head };
drv_write:
  skip;
drv_init:
  count  := 1;
  object := 2;
drv_killed:                             \* nobody kills this pool
  if (~Stashed) { goto drv_put };
drv_stash_store:
  stash := Slot;
  ever  := ever \cup {2};
  goto drv_put;
}

fair process (lookup \in Lookups)
variables seen = 0; sgen = 0; mine = 0; undo = FALSE; lhead = Null; ltag = 0;
{
look_stash_load:
  undo := FALSE;
  if (stash = Null) { goto Done };
look_get_load:
  seen := count;
  sgen := object;
  if (seen = 0) { if (Fix = "retry") { goto look_stash_load } else { goto Done } };
look_get_cas:
  if (count # seen \/ object # sgen) { goto look_get_load }
  else {
    count := seen + 1;
    if (Fix = "norecheck") { mine := object; goto look_use }
  };
look_stash_recheck:
  if (stash # Slot) { undo := TRUE; goto look_put } else { mine := object };
look_use:
  skip;
look_put:
  count := count - 1;
  if (count # 0) { if (undo /\ Fix = "retry") { goto look_stash_load } else { goto Done } };
look_release:
  release();
look_stash_clear:
  clear();
look_free_head:
  lhead := free.first;
  ltag  := free.tag;
look_free_next:
  next := lhead;
look_free_push:
  if (free = [tag |-> ltag, first |-> lhead]) {
    push(ltag);
    if (undo /\ Fix = "retry") { goto look_stash_load }
  } else { goto look_free_head };
}

fair process (ttm \in Ttm)
variables tseen = 0; tsgen = 0; tmine = 0; thead = Null; ttag = 0;
{
ttm_lock:
  lock();
ttm_stash_load:
  if (stash = Null) { goto ttm_unlock };
ttm_get_load:
  tseen := count;
  tsgen := object;
  if (tseen = 0) { goto ttm_unlock };
ttm_get_cas:
  if (count = tseen /\ object = tsgen) { count := tseen + 1; tmine := object } else { goto ttm_get_load };
ttm_unlock:
  mutex := FALSE;
  if (tmine = 0) { goto Done };
ttm_use:
  skip;
ttm_put:
  count := count - 1;
  if (count # 0) { goto Done };
ttm_release:
  release();
  if (Fix # "locked") { goto ttm_stash_clear };
ttm_clear_lock:
  lock();
ttm_stash_clear:
  clear();
  if (Fix # "locked") { goto ttm_free_head };
ttm_clear_unlock:
  mutex := FALSE;
ttm_free_head:
  thead := free.first;
  ttag  := free.tag;
ttm_free_next:
  next := thead;
ttm_free_push:
  if (free = [tag |-> ttag, first |-> thead]) { push(ttag) }
  else { goto ttm_free_head };
}
}
*)
\* BEGIN TRANSLATION
\* END TRANSLATION

-----------------------------------------------------------------------------
Threads == {"driver", "lookup"}

Mine == IF Fix \in {"locked", "unlocked"} THEN tmine["lookup"] ELSE mine["lookup"]

Using == {"look_use", "ttm_use"}

Holders ==
  {t \in Threads : pc[t] \in
    {"drv_put", "drv_killed", "drv_stash_store",
     "look_stash_recheck", "look_use", "look_put",
     "ttm_use", "ttm_put"} \/ (pc[t] = "ttm_unlock" /\ Mine # 0)}

\* A dead slot is one thread's alone, from the last put to the free list and from there to init.
Owners ==
  {t \in Threads : pc[t] \in
    {"drv_release", "drv_clear_lock", "drv_stash_clear", "drv_clear_unlock", "drv_free_head", "drv_free_next",
     "drv_free_push", "drv_write", "drv_init",
     "look_release", "look_stash_clear", "look_free_head", "look_free_next", "look_free_push",
     "ttm_release", "ttm_clear_lock", "ttm_stash_clear", "ttm_clear_unlock",
     "ttm_free_head", "ttm_free_next", "ttm_free_push"}}

TypeOK ==
  /\ count \in 0..2
  /\ free.tag \in 0..1 /\ free.first \in {Null, Slot}
  /\ mutex \in BOOLEAN
  /\ object \in 1..2 /\ ever \subseteq {1, 2}
  /\ released \in [1..2 -> 0..2]

\* Whatever is followed as a pointer points to a slot of the pool.
NoForeignSlot == stash \in {Null, Slot} /\ next \in {Null, Slot}

CountIsRefs == count = Cardinality(Holders)

ReleasedOnce == \A o \in 1..2 : released[o] <= 1

\* The slot of a held object is nobody else's: not free, not another object's.
NoReuseWhileHeld ==
  Holders # {} => released[object] = 0 /\ free.first = Null /\ Owners = {}

NoSharedFree == Cardinality(Owners) <= 1 /\ (free.first # Null => Owners = {})

\* What is used is alive.
NoUseAfterFree == \A t \in Threads : pc[t] \in Using => released[Mine] = 0 /\ object = Mine

\* What a lookup returns was in the stash at some time.
RightObject == \A t \in Threads : pc[t] \in Using => Mine \in ever

NothingLeft ==
  (\A t \in Threads : pc[t] = "Done")
    => count = 0 /\ stash = Null /\ free.first = Slot /\ ~mutex /\ released[object] = 1

\* Witnesses: these must fail.
NeverUndone  == pc["lookup"] = "look_put" => ~undo["lookup"]
NeverReused  == object = 1
NeverRefused == ~(pc["lookup"] = "Done" /\ stash = Slot /\ count = 0)

\* Liveness: the lookup ends, whatever becomes of the driver.
SpecLookupAlone == Init /\ [][Next]_vars /\ \A self \in Lookups : WF_vars(lookup(self))
LookupEnds      == <>(pc["lookup"] = "Done")

\* Somebody scribbles over the state: every invariant must notice, else it says nothing.
Scribble ==
  /\ count' \in {0, 1, 9} /\ stash' \in {Null, Slot, 9} /\ object' \in 1..2
  /\ free' \in {[tag |-> 0, first |-> Null], [tag |-> 0, first |-> Slot]}
  /\ released' \in {<<0, 0>>, <<2, 2>>}
  /\ UNCHANGED <<pc, next, mutex, ever, dhead, dtag, dnext, seen, sgen, mine, undo, lhead, ltag,
                 tseen, tsgen, tmine, thead, ttag>>
SpecScribbled == Init /\ [][Next \/ Scribble]_vars
=============================================================================
