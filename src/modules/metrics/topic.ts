/** The topic on which workers tell what Node.js and the system say of their process. */
export const PROCESS = 'metrics process';
