/** hls.js without subtitles, other audio tracks and encryption; its types are those of the whole. */
declare module 'hls.js/light' {
  export * from 'hls.js';
  export { default } from 'hls.js';
}
