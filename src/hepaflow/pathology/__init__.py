"""What the specimen and the board say: regression grades, the tumor's edge, stage, operability."""
