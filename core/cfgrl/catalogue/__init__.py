"""What is installed: plugins, the components they bring, and the keys that each component takes."""
