---------------------------- MODULE FileLife ----------------------------
(* What the life of a struct file is, whoever holds references to it: open,
   then dying (its count is gone), then released, then freed. Nothing leads
   back, and everything is left in the end. The step-by-step modules refine
   this one.

   Code: impl/lifetimes/src/file.rs *)

VARIABLE life

Init == life = "open"

Dying    == life = "open"     /\ life' = "dying"
Released == life = "dying"    /\ life' = "released"
Freed    == life = "released" /\ life' = "freed"

Next == Dying \/ Released \/ Freed

Spec == Init /\ [][Next]_life /\ WF_life(Released) /\ WF_life(Freed)
=========================================================================
