/* Does nothing: it is linked statically. */
int main(void)
{
    return 0;
}
