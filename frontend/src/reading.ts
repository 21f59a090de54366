/** The rooms that draw, measure and sign hang themselves into the page's slots when this module is loaded. */
import { registerReading } from "./regions/register";

registerReading();
