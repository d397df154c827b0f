/** The variable that marks a worker and tells it its number. */
export const WORKER_MARK = 'MEDIAD_WORKER';
