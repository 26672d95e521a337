/* What a computation leaves in the thread that did it. */
#ifndef BULLA_INFERENCE_RESIDUE_H
#define BULLA_INFERENCE_RESIDUE_H

/* Zeroes the vector registers, which hold 64 bytes of weights each and are written to a core file with their thread,
 * and the stack just below the caller, where a compiler spills them. */
void bulla_residue_wipe(void);
/* The registers alone, where nothing was spilled. */
void bulla_residue_wipe_registers(void);

#endif
