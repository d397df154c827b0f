/** The variable that marks a worker and tells it its number and how many there are, as `2/4`. */
export const WORKER_MARK = 'MEDIAD_WORKER';
