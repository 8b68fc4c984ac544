# The manual, the cookbook and what changed for older scripts: each example of these pages runs as it stands, those of a page in one folder,
# one after another, and prints what the page says. Whatever they connect to, they get a server of ours (t/lib/SynopsisServer.pm).
#
# In front of each example of a page stands what it is:
#
#   =for example perl           a program
#   =for example shell          commands
#   =for example file NAME      a file that later ones use
#   =for example lines NAME     some lines of such a file, as they could be; they are not run
#   =for example output         what the example in front prints: "..." is any text
#   =for example part           lines that a program has in its middle: $lmtp, $qmtp, $message, @to and $text are there
#   =for example needs MODULE   without which those behind it are skipped

use strict;
use warnings;

use Cwd ();
use File::Spec;
use File::Temp ();
use Test::More;

my $here    = Cwd::getcwd();
my @include = map { File::Spec->rel2abs($_, $here) } @INC, 't/lib';
my @pages   = map {"lib/Mail/Wire/$_.pod"} qw(Cookbook Manual Migration), map {"Manual/$_"} qw(Application EventLoop Machines Mailbox Script Testing);
my $PART    = <<'PERL';
use Net::LMTP; use Net::QMTP;
my $lmtp = Net::LMTP->new('127.0.0.1', 24) or die $@; my $qmtp = Net::QMTP->new('127.0.0.1') or die;
my ($host, $text, $message, @to) = ('127.0.0.1', "Subject: Hello\n\nHello.\n", "Subject: Hello\n\nHello.\n", 'ann@example.org', 'ben@example.org');
$lmtp->mail('ann@example.org'); $lmtp->to('ben@example.org'); $qmtp->sender('ann@example.org'); $qmtp->recipient(@to); $qmtp->message($text);
PERL

# Commands that examples of the shell run: this perl, its prove, and the command of this folder.
my $bin = File::Temp->newdir;
script("$bin/perl",     qq(exec '$^X' "\$@"\n));
script("$bin/prove",    qq(exec '$^X' -MApp::Prove -e 'my \$prove = App::Prove->new; \$prove->process_args(\@ARGV); exit !\$prove->run' -- "\$@"\n));
script("$bin/mailwire", qq(exec '$^X' '$here/script/mailwire' "\$@"\n));

check_page($_) for @pages;
done_testing;

sub check_page {
    my ($page) = @_;
    my @examples = examples($page);
    my ($dir, $printed, $missing) = (File::Temp->newdir);
    cmp_ok(scalar @examples, '>', 0, "$page has examples");
    is_deeply([ grep { $examples[$_]{kind} eq '' } 0 .. $#examples ], [], '... each is said to be something');
    for my $example (@examples) {
        my ($kind, $name, $line) = @$example{qw(kind name line)};
        $missing = missing($name) if $kind eq 'needs';
        SKIP: {
            skip "$page, line $line: $missing is not installed", 1 if $missing && $kind =~ /\A(?:perl|shell|part|output)\z/;
            if    ($kind eq 'file')   { write_file("$dir/$name", $example->{text}) }
            elsif ($kind eq 'output') { like($printed, pattern($example->{text}), "... prints what line $line has") }
            elsif ($kind =~ /\A(?:perl|shell|part)\z/) { $printed = check_run("$dir", $page, $example) }
        }
    }
    return;
}

sub missing { return join ', ', grep { !eval "require $_" } split ' ', $_[0] }

sub check_run {
    my ($dir, $page, $example) = @_;
    my ($status, $output) = run($dir, @$example{qw(kind text)});
    is($status, 0, "$page, line $example->{line}: runs") or diag($output, $example->{text});
    return $output;
}

# Verbatim paragraphs, without their indent, and what was said in front of each.
sub examples {
    my ($page) = @_;
    open my $fh, '<', $page or die "$page: $!";
    my ($kind, $name, @examples) = ('', '');
    while (my $line = <$fh>) {
        if ($line =~ /^=for example (\w+)\s*(.*)/) {
            ($kind, $name) = ($1, $2);
            push @examples, { kind => $kind, name => $name, line => $., text => '' };
        }
        elsif ($line =~ /^[ \t]+\S/) {
            push @examples, { kind => '', name => '', line => $., text => '' } if $kind eq '';
            $examples[-1]{text} .= $line;
        }
        elsif ($line =~ /\S/) { $kind = '' }
        else                  { $examples[-1]{text} .= $line if @examples }
    }
    for my $example (@examples) {
        $example->{text} =~ s/\A\n+//;
        $example->{text} =~ s/\s*\z/\n/;
        my ($indent) = $example->{text} =~ /\A([ ]+)/;
        $example->{text} =~ s/^$indent//mg if $indent;
    }
    return @examples;
}

sub pattern {
    my ($text) = @_;
    $text =~ s/\s+\z//;
    my $pattern = join '.*?', map {quotemeta} split /\.\.\./, $text, -1;
    return qr/\A\s*$pattern\s*\z/s;
}

# In that folder. Programs of perl are strict there, and their warnings are fatal.
sub run {
    my ($dir, $kind, $text) = @_;
    local $ENV{PATH} = "$bin:" . ($ENV{PATH} || '/usr/bin:/bin');
    local $ENV{PERL5LIB} = join ':', @include;
    local $ENV{PERL5OPT} = '-MSynopsisServer';
    local $ENV{NO_COLOR} = 1;
    delete local $ENV{MAILWIRE_QUEUE};
    my $strict = "use strict; use warnings FATAL => 'all';\n";
    write_file("$dir/example.pl", $kind eq 'part' ? "use strict; use warnings; no warnings qw(once void);\n$PART$text\n1;\n" : "$strict$text\n1;\n");
    write_file("$dir/example.sh", $text);
    chdir $dir or die "$dir: $!";
    my ($status, $output) = capture($kind eq 'shell' ? ('/bin/sh', '-e', 'example.sh') : ($^X, 'example.pl'));
    chdir $here or die "$here: $!";
    return ($status, $output);
}

# Wait status and all output. The alarm lives on through exec.
sub capture {
    my (@command) = @_;
    defined(my $pid = open my $out, '-|') or die "fork: $!";
    if (!$pid) {
        open STDERR, '>&', \*STDOUT or exit 126;
        alarm 300;
        exec { $command[0] } @command or exit 127;
    }
    my $output = do { local $/; <$out> };
    close $out;
    return ($?, defined $output ? $output : '');
}

sub script {
    my ($file, $text) = @_;
    write_file($file, "#!/bin/sh\n$text");
    chmod 0755, $file or die "$file: $!";
    return;
}

sub write_file {
    my ($file, $text) = @_;
    open my $fh, '>', $file or die "$file: $!";
    print {$fh} $text;
    close $fh or die "$file: $!";
    return;
}
