export { module } from './module.js';
