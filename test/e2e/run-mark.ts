/** The variable by which the workers of a test run know the run. */
export const RUN_VARIABLE = 'MEDIAD_TEST_RUN';
/** The variable that marks every process that a test starts, and what that process starts, as the run's. */
export const CHILD_VARIABLE = 'MEDIAD_TEST_CHILD';
