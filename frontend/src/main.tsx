import "./style/page.css";
import { render } from "preact";
import { Page } from "./page";
import "./reading";

render(<Page />, document.getElementById("page")!);
